import { expect } from "vitest";
import { until } from "../../../setup/until.ts";
import { runOn, scene } from "./scene.ts";

const [onAmqp, onRedis] = [await runOn("amqp"), await runOn("redis")];

onAmqp(
  "a busy solo worker that does not answer is never overlooked: by its queue, by an earlier deploy, by the number of workers",
  async () => {
    const { app, deploy, deployAt } = scene("amqp");
    const doubts = async (parameters = "") => {
      const { code, said } = await deployAt(parameters, "prepare", "--timeout", "3s");
      expect(code).toBe(3);
      return said.fleets[0].doubts.join("\n");
    };
    const busyFor = async (n: number) => {
      app.python(`charge.apply_async((${n}, 300), queue="${app.extraQueue}")`);
      await until("it runs", () => app.trace().some((each) => each.n === n));
    };
    await app.worker("alone@somewhere", ["-P", "solo"], {}, app.extraQueue);
    await busyFor(1);
    expect(await doubts()).toMatch(/No Celery worker has answered, although one listens.*solo pool/);
    expect(await doubts(`&queues=${app.extraQueue}`)).toMatch(/-extra has 1 consumer that no answering worker has/);
    await app.worker("w1@here", ["-c", "1"]);
    expect(await doubts("&workers=2")).toMatch(/1 of 2 Celery workers have answered/);
    expect(await doubts("&workers=w1@here,alone@somewhere")).toMatch(/alone@somewhere is there and does not answer/);

    app.release();
    await until("it has ended", () => app.trace().some(({ event }) => event === "end"));
    expect((await deploy("prepare", "--timeout", "60s")).code).toBe(0);
    expect((await deploy("finish")).code).toBe(0);
    app.holdAgain();
    await busyFor(2);
    expect(await doubts()).toMatch(/alone@somewhere is there and does not answer/);
  },
  240_000,
);

for (const [kind, run] of [
  ["amqp", onAmqp],
  ["redis", onRedis],
] as const)
  run(
    `${kind}: a worker without remote control beside one that has it is noticed by its heartbeats`,
    async () => {
      const { app, deploy } = scene(kind);
      await app.worker("w1@here", ["-c", "1"]);
      await app.worker("deaf@here", ["-c", "1"], { REMOTE_CONTROL: "0" }, app.extraQueue);
      const { code, said } = await deploy("prepare", "--timeout", "5s");
      expect(code).toBe(3);
      expect(said.fleets[0].doubts.join()).toMatch(
        /deaf@here is there and does not answer.*worker_enable_remote_control/,
      );
    },
    120_000,
  );

for (const [kind, run] of [
  ["amqp", onAmqp],
  ["redis", onRedis],
] as const)
  run(
    `${kind}: tasks that wait for a rate limit are waited for; what a person closed stays closed; a longer hold looks again`,
    async () => {
      const { app, deploy } = scene(kind);
      await app.worker("w1@here", ["-c", "2"], { PREFETCH: "8" });
      app.python(
        `app.control.cancel_consumer("${app.space}-main", reply=True)\nfor n in range(4): limited.delay(n, 0.1)\ncharge.apply_async((9, 0.1), countdown=90, queue="${app.space}-mail")`,
      );
      await until("the first has run and the person's queue is closed", () => {
        const [queues] = Object.values(app.activeQueues() as Record<string, unknown[]>);
        return queues?.length === 1 && app.trace().some(({ event }) => event === "end");
      });
      const before = app.activeQueues();
      expect((await deploy("prepare", "--hold", "10s", "--timeout", "60s")).code).toBe(0);
      expect(app.trace().filter(({ event }) => event === "end")).toHaveLength(4); // the last starts 6 s after the first

      const extended = await deploy("extend", "2m");
      expect(extended).toMatchObject({
        code: 3,
        said: { fleets: [{ blockers: [{ task: "bill.charge", remark: expect.stringMatching(/starts in/) }] }] },
      });
      expect(await deploy("extend", "1s")).toMatchObject({ code: 0, said: { fleets: [{ blockers: [], doubts: [] }] } });
      expect((await deploy("finish")).code).toBe(0);
      expect(app.activeQueues()).toEqual(before);
    },
    240_000,
  );

onAmqp(
  "where no worker runs, that is safe only for who says so",
  async () => {
    const { deploy, deployAt } = scene("amqp");
    const unsure = await deploy("prepare", "--timeout", "1s");
    expect(unsure.code).toBe(3);
    expect(unsure.said.fleets[0].doubts.join()).toMatch(
      /No Celery worker listens to remote control at this broker.*workers=0/,
    );
    expect((await deployAt("&workers=0", "prepare", "--timeout", "10s")).code).toBe(0);
    expect((await deploy("finish")).code).toBe(0);
  },
  120_000,
);
