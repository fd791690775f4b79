import { expect, onTestFinished, test, vi } from "vitest";
import { Scout } from "../../../src/worker/scout.ts";
import { testDatabase } from "../../setup/database.ts";
import { Events } from "../../setup/events.ts";
import { until } from "../../setup/until.ts";
import { enqueue, interruptible, register } from "../engine/cast.ts";
import { claimLoop } from "./claim-loop-scene.ts";

const jobs = 20_000;

/** In the middle of a backlog, with room always: each claim is sent before the last one is handed over, so that a round would go on until its end. */
async function inBacklog() {
  const { database } = await testDatabase();
  const { id } = await register(database);
  await enqueue(database, interruptible, jobs);
  const { loop, offered } = claimLoop({ database, tasks: [interruptible], process: id, ahead: 600 });
  await until("it is in the middle of it", () => offered.length > 1_000, { everyMs: 1 });
  return { loop, offered };
}

test("who waits for the claims that are on their way does not wait for the end of a backlog, as where a gate closes for short tasks and claims go on", async () => {
  const { loop, offered } = await inBacklog();
  await loop.idle();
  expect(offered.length).toBeLessThan(jobs / 2);
  await until("it has gone on", () => offered.length === jobs);
});

test("a look at all lanes that fails is told while a backlog is claimed, not at its end", async () => {
  const events = new Events();
  const { offered } = await inBacklog();
  const failure = new Error("the look fails");
  const { idleMs, survey } = Scout.prototype;
  let isDue = true;
  vi.spyOn(Scout.prototype, "idleMs").mockImplementation(function (this: Scout) {
    return isDue ? 0 : idleMs.call(this);
  });
  vi.spyOn(Scout.prototype, "survey").mockImplementation(function (this: Scout) {
    if (!isDue) return survey.call(this);
    isDue = false;
    return Promise.reject(failure);
  });
  onTestFinished(() => void vi.restoreAllMocks());
  await events.next("database.lost", ({ error }) => error === failure);
  expect(offered.length).toBeLessThan(jobs / 2);
  await until("it has gone on", () => offered.length === jobs);
});
