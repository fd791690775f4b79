import { execFile } from "node:child_process";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { expect, inject, test } from "vitest";
import type { Figures } from "../../examples/rolling-deploy/figures.ts";

const run = fileURLToPath(new URL("../../examples/rolling-deploy/run.mjs", import.meta.url));

test("a breaking change is deployed and rolled back under traffic, with a kill -9 in the middle, and no job fails", {
  timeout: 290_000,
}, async () => {
  const { stdout } = await promisify(execFile)(process.execPath, [run, "demo.ts", "--json"], {
    env: { ...process.env, DATABASE_URL: inject("server") },
    timeout: 280_000,
  });
  const results = JSON.parse(stdout.slice(stdout.indexOf("\n[") + 1)) as { queue: string; figures: Figures[] }[];
  const of = (queue: string) => results.find((result) => result.queue === queue)?.figures ?? [];

  for (const { enqueued, run, failed, held, lost } of of("taskmaster")) {
    expect(enqueued).toBeGreaterThan(100);
    expect({ run, failed, held, lost }).toEqual({ run: enqueued, failed: 0, held: 0, lost: 0 });
  }
  // Each release's payloads were run by workers of the other one: the cases did occur.
  expect(of("taskmaster").map(({ runByOther }) => runByOther > 0)).toEqual([true, true]);
  // The same choreography without the protection fails jobs of both releases.
  expect(of("plain").map(({ failed }) => failed > 0)).toEqual([true, true]);
});
