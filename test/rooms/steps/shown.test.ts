import { task } from "taskmaster";
import { expect, test } from "vitest";
import { z } from "zod";
import { Project } from "../../setup/command-line.ts";
import { until } from "../../setup/until.ts";
import { gate, stage } from "./stage.ts";

test("status and jobs show tell what a task says of itself, and what it has recorded", async () => {
  const { taskmaster, work, events, url } = await stage();
  const told = gate();
  const finish = gate();
  const tells = task("shown.index")
    .payload(z.object({}))
    .interruptible(async (_, ctx) => {
      await ctx.step("list documents", () => ["a", "b"]);
      ctx.progress(0.4, "index");
      told.open();
      await finish.opened;
    });
  const { id } = await taskmaster.enqueue(tells, {});
  const worker = await work([tells], { lease: "2s" });
  await told.opened;
  const project = new Project(url, {});
  const status = await until("the heartbeat has told of it", async () => {
    const { stdout } = await project.call(["status"]);
    return /40 %/.test(stdout) ? stdout : undefined;
  });
  expect(status).toMatch(new RegExp(`shown\\.index ${id} 40 % index \\(.* ago\\) for `));
  const { stdout } = await project.call(["jobs", "show", id]);
  expect(stdout).toMatch(/progress\s+40 % index/);
  expect(stdout).toMatch(/recorded\s+step "list documents" .*\["a","b"\]/);
  finish.open();
  await events.next("job.succeeded");
  await worker.stop();
});
