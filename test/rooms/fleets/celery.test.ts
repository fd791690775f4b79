import { expect, test } from "vitest";
import { brokers, cuttable, listens, orSayWhatIsLeftOut } from "../../setup/brokers.ts";
import { CeleryApp, hasCelery, signalGroup } from "../../setup/celery.ts";
import { Project } from "../../setup/command-line.ts";
import { until } from "../../setup/until.ts";

const kinds = ["amqp", "redis"] as const;
const there: Record<string, boolean> = {};
for (const kind of kinds) {
  const is = hasCelery() && (await listens(brokers[kind]));
  there[kind] = orSayWhatIsLeftOut(is, `Celery over ${kind}`, "python3-celery, python3-redis or the broker is missing");
}

function scene(kind: (typeof kinds)[number]) {
  const app = new CeleryApp(brokers[kind]);
  const project = new Project("", {});
  const deploy = async (verb: string, ...args: string[]) => {
    const answer = await project.call(["deploy", verb, "--fleet", app.fleet, "--json", ...args]);
    const text = answer.stdout || (answer.stderr.trim().split("\n").at(-1) ?? "");
    return { code: answer.code, said: JSON.parse(text), stderr: answer.stderr };
  };
  return { app, project, deploy };
}

for (const kind of kinds) {
  const run = test.skipIf(!there[kind]);

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
        const before = app.activeQueues();
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
        expect(app.activeQueues()).toEqual(before);
        await until("all have run", () => app.trace().filter(({ event }) => event === "end").length >= 29, {
          forMs: 60_000,
        });
        expect(app.trace().filter(({ event }) => event === "start").length).toBe(29);
      },
      150_000,
    );

  run(
    `${kind}: what is in the way is named, and everything is open again`,
    async () => {
      const { app, deploy } = scene(kind);
      await app.worker("w1@here", ["-c", "3"]);
      const before = app.activeQueues();
      app.python("charge.delay(1, 30)\nlate.delay(2, 30)\nrebuild.delay(3, 30)");
      await until("all run", () => app.trace().length === 3);
      const prepared = await deploy("prepare", "--timeout", "4s");
      expect(prepared).toMatchObject({ code: 3, said: { verdict: "blocked" } });
      expect(prepared.said.blockers.map(({ task }: { task: string }) => task).sort()).toEqual([
        "bill.charge",
        "index.late",
      ]);
      expect(prepared.said.fleets[0].doubts.join()).toMatch(
        /index\.late has acks_late without reject_on_worker_lost.*--interruptible index\.late/,
      );
      expect(app.activeQueues()).toEqual(before);
      const insisting = ["--interruptible", "index.late", "--interruptible", "bill.charge"];
      expect((await deploy("prepare", "--timeout", "6s", ...insisting)).code).toBe(0);
      expect(await deploy("abort")).toMatchObject({ code: 0 });
      expect(
        (await deploy("prepare", "--timeout", "3s", ...insisting, "--short", "index.rebuild")).said.blockers,
      ).toMatchObject([{ task: "index.rebuild" }]);
      expect((await deploy("abort")).said.error.message).toMatch(/No deploy holds the gate/);
    },
    120_000,
  );

  run(
    `${kind}: a worker that is stopped is named and makes a doubt, one that is killed does not`,
    async () => {
      const { app, deploy } = scene(kind);
      const first = await app.worker("w1@here", ["-c", "1"]);
      const second = await app.worker("w2@here", ["-c", "1"]);
      signalGroup(second.pid ?? 0, "SIGSTOP");
      const unsure = await deploy("prepare", "--timeout", "6s");
      expect(unsure).toMatchObject({ code: 3, said: { verdict: "blocked" } });
      expect(unsure.said.fleets[0].doubts.join()).toMatch(/no answering worker has|have not answered/);
      signalGroup(second.pid ?? 0, "SIGCONT");
      await until("it consumes", () =>
        Object.values(app.activeQueues() as object).every((queues) => queues.length === 2),
      );

      app.python("rebuild.delay(1, 60)\nrebuild.delay(2, 60)");
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
    150_000,
  );

  run(
    `${kind}: what a dead deployer leaves can be opened from elsewhere`,
    async () => {
      const { app, project, deploy } = scene(kind);
      await app.worker("w1@here", ["-c", "1"]);
      const before = app.activeQueues();
      app.python("charge.delay(1, 15)");
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
        expect((await deploy("prepare", "--timeout", "30s")).code).toBe(0); // a gate whose lease has ended can be taken
      }
      expect(await deploy("abort")).toMatchObject({ code: 0, said: { fleets: [{ wasClosed: true }] } });
      expect(app.activeQueues()).toEqual(before);
    },
    120_000,
  );

  run(
    `${kind}: a broker that dies in the middle is an error that says so, and the rest can be opened later`,
    async () => {
      const { app, project, deploy } = scene(kind);
      await app.worker("w1@here", ["-c", "1"]);
      const before = app.activeQueues();
      app.python("charge.delay(1, 12)");
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
    120_000,
  );

  run(
    `${kind}: without remote control nobody can tell`,
    async () => {
      const { app, deploy } = scene(kind);
      await app.worker("w1@here", ["-c", "1"], { REMOTE_CONTROL: "0" });
      const answer = await deploy("prepare", "--timeout", "3s");
      expect(answer.code).toBe(3);
      expect(answer.said.fleets[0].doubts.join()).toMatch(
        /No Celery worker has answered.*worker_enable_remote_control/,
      );
    },
    60_000,
  );
}

test.skipIf(!there.amqp)("wrong addresses say what is wrong with them", async () => {
  const project = new Project("", {});
  const say = async (address: string) =>
    (await project.call(["deploy", "status", "--fleet", `celery=${address}`])).stderr;
  const { host } = new URL(brokers.amqp);
  expect(await say(`amqp://guest:wrong@${host}/`)).toMatch(/refuses the credentials/);
  expect(await say(`amqp://guest:wrong@${host}/`)).not.toMatch(/wrong@/);
  expect(await say(`amqp://${host}/there-is-none`)).toMatch(/no virtual host there-is-none/);
  expect(await say("amqp://127.0.0.1:1/")).toMatch(/nothing listens there/);
  expect(await say("sqs://")).toMatch(/not over sqs|no address/);
});
