import { expect } from "vitest";
import { cuttable } from "../../../setup/brokers.ts";
import { signalGroup } from "../../../setup/celery.ts";
import { until } from "../../../setup/until.ts";
import { type Kind, runOn, scene } from "./scene.ts";

/** What may go wrong in the middle of a deploy, over one kind of broker. */
export async function troubles(kind: Kind): Promise<void> {
  const run = await runOn(kind);

  run(
    `${kind}: a worker that is stopped is named and makes a doubt, one that is killed does not`,
    async () => {
      const { app, deploy } = scene(kind);
      const first = await app.worker("w1@here", ["-c", "1"]);
      const second = await app.worker("w2@here", ["-c", "1"]);
      const bothConsume = () => {
        const queues = Object.values(app.activeQueues(2) as Record<string, unknown[]>);
        return queues.length === 2 && queues.every(({ length }) => length === 2);
      };
      await until("both consume", bothConsume); // over Redis one that says it is ready has not subscribed to anything yet
      signalGroup(second.pid ?? 0, "SIGSTOP");
      const unsure = await deploy("prepare", "--timeout", "6s");
      expect(unsure).toMatchObject({ code: 3, said: { verdict: "blocked" } });
      expect(unsure.said.fleets[0].doubts.join()).toMatch(/no answering worker has|have not answered/);
      signalGroup(second.pid ?? 0, "SIGCONT");
      await until("they consume again", bothConsume);

      app.python("rebuild.delay(1, 300)\nrebuild.delay(2, 300)");
      await until("they run", () => app.trace().length === 2);
      const preparing = deploy("prepare", "--timeout", "40s", "--hold", "30s");
      await until("both are closed", async () => {
        const { processes } = (await deploy("status")).said.fleets[0].view;
        return processes.length === 2 && processes.every(({ state }: { state: string }) => state === "closed");
      });
      signalGroup(first.pid ?? 0, "SIGKILL");
      expect(await preparing).toMatchObject({ code: 0, said: { verdict: "safe" } });
      signalGroup(second.pid ?? 0, "SIGKILL");
      await app.worker("w3@here", ["-c", "2"]);
      if (kind === "amqp") await until("the killed ones run again", () => app.trace().length === 4);
      expect((await deploy("finish")).said.fleets[0].remarks).toHaveLength(2); // both that were closed are gone
    },
    240_000,
  );

  run(
    `${kind}: what a dead deployer leaves can be opened from elsewhere`,
    async () => {
      const { app, project, deploy } = scene(kind);
      await app.worker("w1@here", ["-c", "1"]);
      const before = app.activeQueues();
      app.python("charge.delay(1, 300)");
      await until("it runs", () => app.trace().length === 1);
      const dying = project.start([
        "deploy",
        "prepare",
        "--fleet",
        app.fleet,
        "--lease",
        kind === "amqp" ? "4s" : "1m",
      ]);
      await until(
        "it is closed",
        async () => (await deploy("status")).said.fleets[0].view.processes[0]?.state === "closed",
      );
      dying.kill("SIGKILL");
      if (kind === "amqp") {
        await until(
          "RabbitMQ opens it when the lease ends",
          () => JSON.stringify(app.activeQueues()) === JSON.stringify(before),
        );
        app.release();
        expect((await deploy("prepare", "--timeout", "60s")).code).toBe(0); // a gate whose lease has ended can be taken
      }
      expect(await deploy("abort")).toMatchObject({ code: 0, said: { fleets: [{ wasClosed: true }] } });
      expect(app.activeQueues()).toEqual(before);
    },
    240_000,
  );

  run(
    `${kind}: a broker that dies in the middle is an error that says so, and the rest can be opened later`,
    async () => {
      const { app, project, deploy } = scene(kind);
      await app.worker("w1@here", ["-c", "1"]);
      const before = app.activeQueues();
      app.python("charge.delay(1, 300)");
      await until("it runs", () => app.trace().length === 1);
      const way = await cuttable(app.fleet.replace("celery=", ""));
      const cutting = project.call(["deploy", "prepare", "--fleet", `celery=${way.address}`, "--lease", "30s"]);
      await until(
        "it is closed",
        async () => (await deploy("status")).said.fleets[0].view.processes[0]?.state === "closed",
      );
      way.cut();
      const answer = await cutting;
      expect(answer.code).toBe(1);
      expect(answer.stderr).toMatch(/closed the connection.*TASKMASTER_BROKER_UNREACHABLE/s);
      expect(await deploy("abort")).toMatchObject({ code: 0, said: { fleets: [{ wasClosed: true }] } });
      expect(app.activeQueues()).toEqual(before);
    },
    240_000,
  );

  run(
    `${kind}: without remote control nobody can tell`,
    async () => {
      const { app, deploy } = scene(kind);
      await app.worker("w1@here", ["-c", "1"], { REMOTE_CONTROL: "0" });
      const answer = await deploy("prepare", "--timeout", "3s");
      expect(answer.code).toBe(3);
      expect(answer.said.fleets[0].doubts.join()).toMatch(
        /No Celery worker listens to remote control.*worker_enable_remote_control/,
      );
    },
    120_000,
  );
}
