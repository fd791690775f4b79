import { expect } from "vitest";
import { runOn, scene } from "./scene.ts";

for (const kind of ["amqp", "redis"] as const)
  (await runOn(kind))(
    `${kind}: workers that share a name are told, and left as they are: what is closed there could not be opened again`,
    async () => {
      const { app, deploy } = scene(kind);
      await app.worker("same@here", ["-c", "1"], {}, `${app.space}-main`);
      await app.worker("same@here", ["-c", "1"], {}, `${app.space}-mail`);
      const { code, said } = await deploy("prepare", "--timeout", "5s");
      expect(code).toBe(3);
      expect(said.fleets[0].doubts.join()).toMatch(
        /Several Celery workers call themselves same@here.*celery worker -n NAME@%h/,
      );
      expect(said.fleets[0].processes).toMatchObject([{ id: "same@here", state: "open" }]);
      app.python("charge.delay(1, 0.1)\nsend.delay(2, 0.1)");
      await app.ended(2); // each by the one that consumes its queue
    },
    120_000,
  );
