import type { Database } from "../engine/database.ts";
import type { Deploy } from "../engine/deploys.ts";
import { type LiveWorker, liveWorkers, type UnreadLane, unreadBy } from "../engine/takeover.ts";

/** What stands behind and before the gate when a deploy is about to be finished. */
export interface Takeover {
  /** Workers that the gate lets run. */
  readonly newcomers: readonly LiveWorker[];
  /** Workers of the releases that were live when the gate closed: they run again when it opens. */
  readonly old: readonly LiveWorker[];
  /** What is in the backlog that no newcomer can read; where there are none, that nobody can read. */
  readonly unread: readonly UnreadLane[];
  /** What a person should know before the gate opens, a sentence each. */
  readonly warnings: readonly string[];
}

/** Whether two names are of one release: the same, or a commit and its beginning, as git shortens it. */
function isSameRelease(one: string, other: string): boolean {
  const [short = "", long = ""] = [one, other].sort((a, b) => a.length - b.length);
  return short === long || (/^[0-9a-f]{7,40}$/.test(short) && /^[0-9a-f]{7,40}$/.test(long) && long.startsWith(short));
}

/** The name by which live workers go that are of this release already, else the name that was given. */
export async function nameOfRelease(database: Database, release: string): Promise<string> {
  const names = (await liveWorkers(database)).map((worker) => worker.release);
  return names.find((name) => name === release) ?? names.find((name) => isSameRelease(name, release)) ?? release;
}

export async function lookAtTakeover(database: Database, { release }: Deploy): Promise<Takeover> {
  const workers = await liveWorkers(database);
  const newcomers = workers.filter(({ runs, stopping }) => runs && !stopping);
  const old = workers.filter(({ runs }) => !runs);
  const readers = newcomers.length > 0 ? newcomers : old.filter(({ stopping }) => !stopping);
  const unread = await unreadBy(
    database,
    readers.map(({ process }) => process),
  );
  return { newcomers, old, unread, warnings: warningsOf(release, newcomers, old, unread) };
}

function warningsOf(
  release: string | null,
  newcomers: readonly LiveWorker[],
  old: readonly LiveWorker[],
  unread: readonly UnreadLane[],
): string[] {
  const warnings: string[] = [];
  if (newcomers.length === 0)
    warnings.push(
      release === null
        ? "No worker of a new release is alive."
        : `No worker of release ${release} is alive that started after the gate closed.`,
    );
  if (old.length > 0)
    warnings.push(
      `${old.length} ${old.length === 1 ? "worker" : "workers"} of ${[...new Set(old.map((each) => each.release))].join(", ")} still ${old.length === 1 ? "lives" : "live"} and will run again: ${old.map(where).join(", ")}.`,
    );
  const others = newcomers.filter((each) => release !== null && !isSameRelease(each.release, release));
  if (others.length > 0)
    warnings.push(
      `${others.map((each) => `${where(each)} of ${each.release}`).join(", ")} ${others.length === 1 ? "runs" : "run"}, and what is deployed is called ${release} (--release): is it another build, or has it another name?`,
    );
  for (const { queue, task, revision, jobs } of unread)
    warnings.push(
      `${jobs >= 1_000 ? "1,000 or more" : jobs} ${jobs === 1 ? "job" : "jobs"} of ${task} revision ${revision} in queue ${queue} can be read by ${newcomers.length > 0 ? "none of the new workers" : "nobody"}: ${jobs === 1 ? "it waits" : "they wait"}, and nothing is lost.`,
    );
  return warnings;
}

function where({ process, host, pid }: LiveWorker): string {
  return `process ${process} (${host}:${pid})`;
}
