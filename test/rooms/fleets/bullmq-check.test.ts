import { describe, expect, test } from "vitest";
import { bullScene, bulls } from "../../setup/bullmq.ts";

const contracts = `
import { z } from "zod";

export const contracts = {
  emails: {
    confirm: z.object({ id: z.number(), date: z.string() }),
  },
  reports: z.object({ month: z.string() }),
};
`;

describe.each(bulls)("BullMQ $version", (bull) => {
  test("stored jobs in every state are held against their contract, and nothing is changed", async () => {
    const { queue, flows, project, fleet, call } = bullScene(bull);
    project.write("contracts.ts", contracts);
    const [emails, reports] = [queue("emails"), queue("reports")];
    await emails.addBulk(
      Array.from({ length: 1_100 }, (_, id) => ({ name: "confirm", data: { id, date: "2026-01-01" } })),
    );
    const check = () => call("check", "--live", "--contracts", "contracts.ts");
    expect(await check()).toMatchObject({ code: 0, said: { verdict: "fine", storedJobs: 1_100 } });

    await emails.add("confirm", { id: 1 }, { delay: 3_600_000, jobId: "late" });
    await emails.add("confirm", { id: 2 }, { priority: 3 });
    await emails.add("confirm", { id: 3 });
    await emails.add("other", {});
    await reports.pause();
    await reports.add("monthly", { month: 1 });
    await flows().add({
      name: "confirm",
      queueName: "emails",
      data: { id: 4 },
      children: [{ name: "sum", queueName: "reports", data: { month: "1" } }],
    });
    await emails.upsertJobScheduler?.("nightly", { pattern: "0 3 * * *" }, { name: "confirm", data: { id: 5 } });
    const counted = await emails.getJobCounts();

    const { code, said } = await check();
    expect(code).toBe(1);
    const [missing, month] = said.findings;
    const scheduled = emails.upsertJobScheduler ? 2 : 0; // the scheduler and its next job
    expect(missing).toMatchObject({
      rule: "backlog-refused",
      task: "emails/confirm",
      location: { file: "contracts.ts", line: 6 },
    });
    expect(missing.title).toMatch(
      new RegExp(
        `^${4 + scheduled} of 1,10${4 + scheduled} jobs of queue emails, job confirm would fail: \`date\` is missing; first: job .*, delayed until 20`,
      ),
    );
    expect(month.title).toMatch(/^1 of 1 jobs of queue reports, job monthly would fail/);
    expect(said.findings.at(-1).title).toMatch(/^1 job of queue emails, job other: no contract describes them/);
    expect(await emails.getJobCounts()).toEqual(counted);

    const told = await project.call(["check", "--live", "--fleet", fleet, "--contracts", "contracts.ts"]);
    expect(told.code).toBe(1);
    expect(told.stdout).toMatch(/✖ emails\/confirm: .* would fail: `date` is missing; first: job .*, delayed until/);
    expect(told.stdout).toMatch(/2 findings would break a deploy/);
  });
});

test.skipIf(bulls.length === 0)(
  "contracts may stand in the config; what cannot be checked is never called fine",
  async () => {
    const bull = bulls.at(0);
    if (bull === undefined) return;
    const { queue, project, fleet, call } = bullScene(bull);
    expect((await call("check", "--live")).code).toBe(2);
    project.write("contracts.ts", contracts);
    const nobody = await call("check", "--live", "--contracts", "contracts.ts");
    expect([nobody.code, nobody.said.error.message]).toEqual([2, expect.stringMatching(/has no queue/)]);
    project.write("wrong.ts", "export const contracts = { emails: { confirm: { id: Number } } };");
    expect((await call("check", "--live", "--contracts", "wrong.ts")).said.error.message).toMatch(
      /job confirm of the queue emails in wrong.ts/,
    );

    project.write(
      "taskmaster.config.ts",
      `import { defineConfig } from "taskmaster";\nimport { contracts } from "./contracts.ts";\nexport default defineConfig({ fleets: [${JSON.stringify(fleet)}], contracts });`,
    );
    await queue("emails").add("confirm", { id: 1 });
    const answer = await project.call(["check", "--live", "--json"]);
    expect([answer.code, JSON.parse(answer.stdout).findings.length]).toEqual([1, 1]);
  },
);
