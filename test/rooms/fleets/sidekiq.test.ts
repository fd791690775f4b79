import { spawn } from "node:child_process";
import { appendFileSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, onTestFinished, test } from "vitest";
import { hasProgram, orSayWhatIsLeftOut, ownRedis } from "../../setup/brokers.ts";
import { Project } from "../../setup/command-line.ts";
import { until } from "../../setup/until.ts";

const isThere = orSayWhatIsLeftOut(
  hasProgram("ruby", "-e", "require 'sidekiq'") && hasProgram("redis-server", "--version"),
  "Sidekiq",
  "ruby-sidekiq or redis-server is missing",
);

const jobs = `
require "sidekiq"
class Charge
  include Sidekiq::Worker
  def perform(is_long)
    File.write(ENV["TRACE"], "start Charge #{Time.now.to_f}\\n", mode: "a")
    sleep 0.05 while is_long && !File.exist?(ENV["TRACE"] + ".released")
  end
end
class Fails
  include Sidekiq::Worker
  sidekiq_options retry: 5
  def perform(*args)
    raise ArgumentError, "not mended" unless File.exist?(ENV["TRACE"] + ".mended")
    File.write(ENV["TRACE"], "ran #{args.inspect}\\n", mode: "a")
  end
end
class Dies < Fails
  sidekiq_options retry: 0
end
class Export
  include Sidekiq::Worker
  sidekiq_options interruptible: true
  def perform(seconds)
    sleep seconds
  end
end
`;

async function scene() {
  const redis = await ownRedis("secret");
  const folder = mkdtempSync(join(tmpdir(), "taskmaster-sidekiq-"));
  const trace = join(folder, "trace");
  appendFileSync(trace, "");
  writeFileSync(join(folder, "jobs.rb"), jobs);
  const env = { ...process.env, REDIS_URL: redis, TRACE: trace };
  onTestFinished(() => rmSync(folder, { recursive: true, force: true, maxRetries: 5 }));
  const sidekiq = spawn("sidekiq", ["-r", "./jobs.rb", "-c", "3"], { cwd: folder, env, stdio: "ignore" });
  onTestFinished(() => void sidekiq.kill("SIGKILL"));
  const ruby = (code: string) =>
    new Promise<void>((resolve) => {
      spawn("ruby", ["-r", "./jobs.rb", "-e", code], { cwd: folder, env, stdio: "ignore" }).once("close", () =>
        resolve(),
      );
    });
  const project = new Project("", {});
  const deploy = async (verb: string, ...args: string[]) => {
    const answer = await project.call(["deploy", verb, "--fleet", `sidekiq=${redis}`, "--json", ...args]);
    return { code: answer.code, said: JSON.parse(answer.stdout || (answer.stderr.trim().split("\n").at(-1) ?? "")) };
  };
  const seen = async () => (await deploy("status")).said.fleets[0].view;
  await until("it has sent a heartbeat", async () => (await seen()).processes.length === 1);
  const mend = () => writeFileSync(`${trace}.mended`, "");
  const release = () => writeFileSync(`${trace}.released`, "");
  return {
    mend,
    release,
    redis,
    project,
    deploy,
    ruby,
    seen,
    started: () => readFileSync(trace, "utf8").split("\n").filter(Boolean),
  };
}

test.skipIf(!isThere)(
  "Sidekiq is quieted when what ran has ended, and says that only a restart takes up work again",
  async () => {
    const { release, redis, project, deploy, ruby, seen, started } = await scene();
    await ruby("Charge.perform_async(true); Export.perform_async(300)");
    await until("both are on record", async () => (await seen()).attempts.length === 2);
    const blocked = await deploy("prepare", "--timeout", "2s");
    expect(blocked).toMatchObject({ code: 3, said: { blockers: [{ task: "Charge" }] } });
    expect((await seen()).processes).toMatchObject([{ state: "open" }]); // the blocker was found before the point of no return

    release();
    expect(await deploy("prepare", "--timeout", "90s")).toMatchObject({ code: 0, said: { verdict: "safe" } });
    const before = started().length;
    await ruby("5.times { Charge.perform_async(false) }");
    await new Promise((resolve) => setTimeout(resolve, 2_000)); // what would start now is what this is about
    expect(started()).toHaveLength(before);
    const finished = await deploy("finish");
    expect(finished.said.fleets[0].remarks.join()).toMatch(/is quiet and takes no job until it is restarted/);

    const wrong = await project.call(["deploy", "status", "--fleet", `sidekiq=${redis.replace("secret", "wrong")}`]);
    expect(wrong.stderr).toMatch(/refuses the credentials/);
    expect(wrong.stderr).not.toMatch(/:wrong@/);
  },
  240_000,
);

test.skipIf(!isThere)(
  "what Sidekiq will retry and what is dead goes back to its queue by Sidekiq's own rules",
  async () => {
    const { mend, redis, project, ruby, started } = await scene();
    const jobs = async (...args: string[]) => {
      const answer = await project.call(["jobs", ...args, "--fleet", `sidekiq=${redis}`, "--json"]);
      return JSON.parse(answer.stdout);
    };
    const exact = "12345678901234567890, 1.0, {}, []";
    await ruby(`3.times { Fails.perform_async(${exact}) }; 2.times { Dies.perform_async("dead") }`);
    await until("all have failed", async () => (await jobs("list", "--since", "1h")).jobs.length === 5);
    const listed = (await jobs("list", "--task", "Fails")).jobs;
    expect(listed[0]).toMatchObject({ queue: "default", name: "Fails", error: "ArgumentError: not mended" });
    expect(listed[0].standing).toMatch(/^to be retried 20/);

    project.write(
      "contracts.ts",
      'import { z } from "zod";\nexport const contracts = { default: { Fails: z.tuple([z.number()]).rest(z.unknown()), Dies: z.tuple([z.number()]) } };\n',
    );
    const checked = await project.call([
      "check",
      "--live",
      "--fleet",
      `sidekiq=${redis}`,
      "--contracts",
      "contracts.ts",
      "--json",
    ]);
    expect([checked.code, JSON.parse(checked.stdout).storedJobs]).toEqual([1, 5]);
    expect(JSON.parse(checked.stdout).findings[0].title).toMatch(
      /^2 of 2 jobs of queue default, job Dies would fail: .*, dead since 20/,
    );

    const refused = await jobs("retry", "--since", "1h", "--contracts", "contracts.ts", "--dry-run");
    expect(refused).toMatchObject({ found: 5, leftAlone: 2, kinds: [{ name: "Fails" }, { name: "Dies" }] });
    expect(refused.kinds[1].refused).toMatch(/^`\[?0/);

    mend();
    expect((await jobs("retry", "--since", "1h", "--dry-run")).kinds).toEqual([
      { queue: "default", name: "Fails", error: "ArgumentError: not mended", jobs: 3 },
      { queue: "default", name: "Dies", error: "ArgumentError: not mended", jobs: 2 },
    ]);
    expect(await jobs("retry", "--since", "1h", "--yes")).toMatchObject({ found: 5, changed: 5 });
    await until("all have run", () => started().length === 5);
    expect(started().filter((line) => line === `ran [${exact}]`)).toHaveLength(3); // as its producer wrote it
    expect(await jobs("retry", "--since", "1h", "--yes")).toMatchObject({ found: 0 });
  },
  120_000,
);
