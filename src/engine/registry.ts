import type { Contract } from "../contract/contract.ts";
import { currentRevision, readable } from "../contract/contract.ts";
import type { Execution } from "../contract/execution.ts";
import { registerContracts } from "./contracts.ts";
import type { Database, RunStatement } from "./database.ts";
import { publish } from "./events.ts";
import { sql, statement } from "./statement.ts";

/** Who talks to this database, of which release, and what each can read and write. */

/** One build of the code. */
export interface Release {
  readonly name: string;
  /** Where the name comes from: given, the git commit, or a hash of the contracts. */
  readonly source: "explicit" | "git" | "contracts";
}

export interface RegisteredTask {
  readonly contract: Contract;
  /** Absent in a process that only enqueues. */
  readonly execution?: Execution;
}

export interface ProcessDescription {
  readonly role: "worker" | "producer";
  readonly release: Release;
  readonly tasks: readonly RegisteredTask[];
  /** Null: all queues. */
  readonly queues: readonly string[] | null;
  readonly concurrency: number;
  readonly leaseMs: number;
  readonly host: string;
  readonly pid: number;
  /** Of Taskmaster. */
  readonly version: string;
}

const addRelease = statement(
  "registry_add_release",
  sql`insert into taskmaster.release (name, source) values ($1, $2) on conflict (name) do nothing`,
);
const findRelease = statement("registry_find_release", sql`select id from taskmaster.release where name = $1`);

const addProcess = statement(
  "registry_add_process",
  sql`
  insert into taskmaster.process (role, release, host, pid, version, queues, concurrency, lease_until)
  values ($1, $2, $3, $4, $5, $6, $7, now() + $8::int * interval '1 ms')
  returning id
  `,
);

const addTasks = statement(
  "registry_add_tasks",
  sql`
  insert into taskmaster.process_task (process, task, known_as, lo, hi, reads, writes, kind, after_crash, time_limit_ms)
  select $1, task, known_as, lo, hi, reads, writes, kind, after_crash, time_limit_ms
  from unnest($2::text[], $3::text[], $4::int[], $5::int[], $6::bool[], $7::bool[], $8::text[], $9::text[], $10::int[])
    as told (task, known_as, lo, hi, reads, writes, kind, after_crash, time_limit_ms)
  on conflict (process, task) do nothing
  `,
);

export interface Registration {
  readonly process: number;
  readonly release: number;
}

/**
 * Registers a process and what it reads and writes, in one transaction.
 *
 * @throws {ContractContradictionError} where a contract of it contradicts what is registered
 */
export async function registerProcess(database: Database, description: ProcessDescription): Promise<Registration> {
  const registration = await database.transaction(async (tx) => {
    const release = await registerRelease(tx.run, description.release);
    await registerContracts(
      tx.run,
      release,
      description.tasks.map(({ contract }) => contract),
    );
    const { role, host, pid, version, queues, concurrency, leaseMs } = description;
    const [row] = await tx.run<{ id: number }>(addProcess, [
      role,
      release,
      host,
      pid,
      version,
      queues,
      concurrency,
      leaseMs,
    ]);
    const process = row?.id ?? 0;
    await tx.run(addTasks, [process, ...taskColumns(description.tasks)]);
    return { process, release };
  });
  publish({ event: "process.registered", process: registration.process, release: description.release.name });
  return registration;
}

/** Adds tasks to a registered process: a producer that enqueues a task which it had not named. @throws {ContractContradictionError} */
export async function registerTasks(
  database: Database,
  { process, release }: Registration,
  tasks: readonly RegisteredTask[],
): Promise<void> {
  await database.transaction(async (tx) => {
    await registerContracts(
      tx.run,
      release,
      tasks.map(({ contract }) => contract),
    );
    await tx.run(addTasks, [process, ...taskColumns(tasks)]);
  });
}

async function registerRelease(run: RunStatement, { name, source }: Release): Promise<number> {
  const [known] = await run<{ id: number }>(findRelease, [name]);
  if (known) return known.id;
  await run(addRelease, [name, source]);
  const [added] = await run<{ id: number }>(findRelease, [name]);
  return added?.id ?? 0;
}

/** One row for each name under which jobs of a task may wait. */
function taskColumns(tasks: readonly RegisteredTask[]): unknown[] {
  const rows = tasks.flatMap(({ contract, execution }) =>
    [contract.name, ...contract.formerNames].map((task) => ({
      task,
      knownAs: contract.name,
      lo: readable(contract).lo,
      hi: currentRevision(contract).number,
      reads: execution !== undefined,
      writes: task === contract.name && !contract.retired,
      kind: execution?.kind ?? null,
      afterCrash: execution?.kind === "short" ? execution.afterCrash : null,
      timeLimitMs: execution?.kind === "short" ? execution.timeLimitMs : null,
    })),
  );
  return [
    rows.map(({ task }) => task),
    rows.map(({ knownAs }) => knownAs),
    rows.map(({ lo }) => lo),
    rows.map(({ hi }) => hi),
    rows.map(({ reads }) => reads),
    rows.map(({ writes }) => writes),
    rows.map(({ kind }) => kind),
    rows.map(({ afterCrash }) => afterCrash),
    rows.map(({ timeLimitMs }) => timeLimitMs),
  ];
}

const stopping = statement(
  "registry_stopping",
  sql`update taskmaster.process set stopping_at = now() where id = $1 and stopping_at is null`,
);

const stopped = statement(
  "registry_stopped",
  sql`update taskmaster.process set stopped_at = now(), session_lock = false, running = '[]' where id = $1 and died_at is null and stopped_at is null`,
);

/** Says that a process takes no more jobs. */
export async function markStopping(database: Database, process: number): Promise<void> {
  await database.query(stopping, [process]);
}

/** Says that a process has left in good order. */
export async function markStopped(database: Database, process: number): Promise<void> {
  await database.query(stopped, [process]);
}
