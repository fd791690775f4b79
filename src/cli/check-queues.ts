import { readFileSync } from "node:fs";
import { relative, resolve } from "node:path";
import type { Finding } from "../check/finding.ts";
import type { Location } from "../check/location.ts";
import { checkQueueBacklog, type QueueBacklogReport } from "../check/queue-backlog.ts";
import { assertQueueContracts, type QueueContracts } from "../contract/queue-contracts.ts";
import { say } from "./context.ts";
import { CouldNotCheckError, UsageError } from "./failure.ts";
import { type FoundConfig, loadConfig } from "./find-tasks.ts";
import { type FleetOptions, fleetsThat, openStoredJobs } from "./fleet-option.ts";
import { loadModule } from "./load-module.ts";
import { ProgressLine } from "./progress-line.ts";

/** `taskmaster check --live` for existing queues: their stored jobs against contracts that stand in a file of their own, or in the config. */
export interface QueueFlags extends FleetOptions {
  readonly contracts?: string;
}

export interface CheckedQueues extends Pick<QueueBacklogReport, "findings" | "jobs"> {
  /** Where the contract of a finding's queue and job stands. */
  readonly at: (task: string) => Location | undefined;
}

const prefixes = "BullMQ: ?prefix=NAME, Sidekiq and Resque: ?namespace=NAME";

/** Undefined where neither a queue nor a contract is named, so that nobody asks about them. */
export async function checkQueues(flags: QueueFlags): Promise<CheckedQueues | undefined> {
  const config = await loadConfig();
  const fleets = fleetsThat("stored", flags, config);
  const found = await findContracts(flags, config);
  if (found === undefined) {
    if (flags.fleet === undefined) return undefined;
    throw new UsageError(
      "--fleet with --live holds the queue's stored jobs against contracts. Name the file that exports them: --contracts ./contracts.ts, " +
        "which says: export const contracts = { emails: { confirm: z.object({ … }) } }. Or write them into taskmaster.config.ts.",
    );
  }
  if (fleets.length === 0)
    throw new UsageError(
      "There are contracts of queues, and no queue to hold against them. Name it: --fleet bullmq=redis://host:6379/0",
    );
  const reports: QueueBacklogReport[] = [];
  for (const fleet of fleets) reports.push(await checkOne(fleet, found.contracts));
  const missing = Object.keys(found.contracts).filter(
    (queue) => queue !== "*" && !reports.some(({ queues }) => queues.includes(queue)),
  );
  for (const queue of missing) say(`contracts describe the queue ${queue}, which is not there`);
  const findings = reports.flatMap((report) => report.findings);
  const names = new Set(findings.map(({ task }) => task));
  const lines = readFileSync(found.file, "utf8").split("\n");
  return {
    findings,
    jobs: reports.reduce((sum, { jobs }) => sum + jobs, 0),
    at: (task) => (names.has(task) ? { file: found.file.replaceAll("\\", "/"), line: lineOf(lines, task) } : undefined),
  };
}

async function checkOne(fleet: string, contracts: QueueContracts): Promise<QueueBacklogReport> {
  const stored = await openStoredJobs(fleet);
  try {
    say(`fleet: ${stored.name}`);
    const began = performance.now();
    const bar = new ProgressLine("jobs");
    const report = await checkQueueBacklog({ stored, contracts, tell: ({ done, total }) => bar.draw(done, total) });
    bar.clear();
    if (report.queues.length === 0)
      throw new CouldNotCheckError(
        `${stored.name} has no queue. Are the database (the number at the end of the address) and the prefix of keys (${prefixes}) right?`,
      );
    const seconds = ((performance.now() - began) / 1_000).toFixed(1);
    say(`held the data of ${report.jobs.toLocaleString("en")} stored jobs against their contracts in ${seconds} s`);
    return {
      ...report,
      findings: report.findings.map((finding): Finding => ({ ...finding, live: `${stored.name}.` })),
    };
  } finally {
    await stored.leave();
  }
}

/** Those of the file that is named, else those of the config. @throws {UsageError | InvalidQueueContractsError} */
export async function findContracts(
  { contracts: file }: { readonly contracts?: string | undefined },
  config: FoundConfig,
): Promise<{ readonly contracts: QueueContracts; readonly file: string } | undefined> {
  if (file === undefined) {
    if (config.contracts === undefined) return undefined;
    const place = config.file ?? "taskmaster.config.ts";
    assertQueueContracts(config.contracts, `contracts of ${place}`);
    return { contracts: config.contracts, file: place };
  }
  const module = await loadModule(resolve(file));
  const contracts: unknown = module.contracts ?? module.default;
  if (contracts === undefined)
    throw new UsageError(`${file} exports no contracts. Write: export const contracts = { emails: { confirm: … } }`);
  assertQueueContracts(contracts, file);
  return { contracts, file: relative(process.cwd(), resolve(file)) };
}

/** The line on which the job is described, else its queue; counted from 1. Keys need no quotes. */
function lineOf(lines: readonly string[], task: string): number {
  const [queue = "", name = ""] = task.split(/\/(.*)/s);
  const isKey = (key: string) => {
    const pattern = new RegExp(`(^|[\\s{,])["'\`]?${key.replace(/[.*+?^${}()|[\]\\]/g, "\\$&")}["'\`]?\\s*:`);
    return lines.findIndex((line) => pattern.test(line));
  };
  return (
    Math.max(
      0,
      ...[name, queue]
        .map(isKey)
        .filter((index) => index >= 0)
        .slice(0, 1),
    ) + 1
  );
}
