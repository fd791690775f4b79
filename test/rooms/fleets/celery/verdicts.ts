import { expect } from "vitest";
import { until } from "../../../setup/until.ts";
import { type Kind, runOn, scene } from "./scene.ts";

/** What a deploy of Celery workers promises, over one kind of broker. */
export async function verdicts(kind: Kind): Promise<void> {
  const run = await runOn(kind);

  for (const [pool, prefetch] of [
    ["prefork", "4"],
    ["threads", "1"],
  ] as const)
    run(
      `${kind}, ${pool}, prefetch ${prefetch}: nothing starts after the verdict, nothing is lost, the consumers are the same afterwards`,
      async () => {
        const { app, deploy } = scene(kind);
        await app.worker("w1@here", ["-c", "2", "-P", pool], { PREFETCH: prefetch });
        await app.worker("w2@here", ["-c", "2", "-P", pool], { PREFETCH: prefetch });
        const before = app.activeQueues(2);
        app.python(`
charge.apply_async((90, 0.2), countdown=5)
rebuild.delay(1, 12)
for n in range(20): charge.delay(n, 0.4)
for n in range(6): send.delay(n, 0.4)
charge.apply_async((91, 0.2), countdown=26)`);
        await until("it has begun", () => app.trace().length > 3);
        const prepared = await deploy("prepare", "--hold", "6s", "--timeout", "40s");
        const safeAt = Date.now();
        expect(prepared).toMatchObject({ code: 0, said: { deploy: null, verdict: "safe" } });
        await new Promise((resolve) => setTimeout(resolve, 2_500)); // what would start now is what this is about
        expect(app.trace().filter(({ at, event }) => event === "start" && at > safeAt)).toEqual([]);
        const open = app
          .trace()
          .filter(
            ({ event, n, task }) =>
              event === "start" &&
              !app.trace().some((other) => other.event === "end" && other.n === n && other.task === task),
          );
        expect(open.every(({ task }) => task === "index.rebuild")).toBe(true);
        expect(app.trace().some(({ n, event }) => n === 90 && event === "end")).toBe(true); // its ETA was within the hold

        expect(await deploy("finish")).toMatchObject({ code: 0, said: { fleets: [{ wasClosed: true, remarks: [] }] } });
        expect(app.activeQueues(2)).toEqual(before);
        await until("all have run", () => app.trace().filter(({ event }) => event === "end").length >= 29, {
          forMs: 60_000,
        });
        expect(app.trace().filter(({ event }) => event === "start").length).toBe(29);
      },
      240_000,
    );

  run(
    `${kind}: what is in the way is named, and everything is open again`,
    async () => {
      const { app, deploy } = scene(kind);
      await app.worker("w1@here", ["-c", "3"]);
      const before = app.activeQueues();
      app.python("charge.delay(1, 300)\nlate.delay(2, 300)\nrebuild.delay(3, 300)");
      await until("all run", () => app.trace().length === 3);
      const prepared = await deploy("prepare", "--timeout", "4s");
      expect(prepared).toMatchObject({ code: 3, said: { verdict: "blocked" } });
      expect(prepared.said.blockers.map(({ task }: { task: string }) => task)).toEqual(["bill.charge"]);
      expect(prepared.said.fleets[0].doubts).toEqual([]);
      expect(prepared.said.fleets[0].advice.join()).toMatch(
        /index\.late runs, with acks_late and without reject_on_worker_lost.*TERM to the main process.*--short index\.late/,
      );
      expect(app.activeQueues()).toEqual(before);
      const insisting = ["--interruptible", "bill.charge"];
      expect((await deploy("prepare", "--timeout", "6s", ...insisting)).code).toBe(0);
      expect(await deploy("abort")).toMatchObject({ code: 0 });
      expect(
        (await deploy("prepare", "--timeout", "3s", ...insisting, "--short", "index.rebuild")).said.blockers,
      ).toMatchObject([{ task: "index.rebuild" }]);
      expect((await deploy("abort")).said.error.message).toMatch(/No deploy holds the gate/);
    },
    240_000,
  );
}
