import type { Placement } from "../contract/enqueue.ts";
import type { StoredPayload } from "../contract/payload.ts";
import { type Database, retrying, runWithin } from "../engine/database.ts";
import {
  enqueueJobs,
  enqueueKeyed,
  enqueueKeyedJobs,
  enqueueWithin,
  type KeyedJob,
  type NewJob,
} from "../engine/enqueue.ts";
import { type NewEvent, writeEvent } from "../engine/event.ts";
import { publish } from "../engine/events.ts";
import { Gatherer } from "../engine/gather.ts";
import { JobNumbers } from "../engine/job-numbers.ts";
import { LaneBook } from "../engine/lanes.ts";
import type { Queryable } from "../engine/queryable.ts";
import { Waker, wakeAlong } from "../engine/wake.ts";
import { type WakeUp, wakeUpsFor } from "../engine/wake-ups.ts";
import { Membership } from "../process/membership.ts";
import type { EnqueueOptions } from "./enqueue-options.ts";
import type { EnqueuedJob, TaskmasterOptions } from "./taskmaster.ts";

const batchLimit = 1_000;
/** Characters of JSON in a statement: a thousand payloads of a megabyte are more than a string can hold. */
const batchTextLimit = 16_000_000;
const leaseMs = 20_000;

/** Registers this program, and its contracts. */
export async function connect({
  database,
  release,
  tasks = [],
  connections = 5,
}: TaskmasterOptions): Promise<Connected> {
  const membership = await Membership.start({
    database,
    release,
    tasks,
    role: "producer",
    queues: null,
    concurrency: 0,
    leaseMs,
    connections,
    running: () => "[]",
    onFenced: () => {},
    onBeat: () => {},
    onReborn: () => {},
  });
  return new Connected(membership);
}

/** What writes jobs, once there is a connection. */
export class Connected {
  readonly membership: Membership;
  readonly #lanes: LaneBook;
  readonly #numbers: JobNumbers;
  readonly #waker: Waker;
  readonly #gatherer: Gatherer<{ readonly job: NewJob; readonly patienceMs: number }>;

  constructor(membership: Membership) {
    const { database } = membership;
    this.membership = membership;
    this.#lanes = new LaneBook(database);
    this.#numbers = new JobNumbers(database);
    this.#numbers.prepare();
    this.#waker = new Waker(database);
    this.#gatherer = new Gatherer((items) => {
      const longest = Math.max(...items.map(({ patienceMs }) => patienceMs));
      return this.#send(
        items.map(({ job }) => job),
        longest,
      );
    }, batchLimit);
  }

  async #send(jobs: readonly NewJob[], forMs: number): Promise<void> {
    const notified = await enqueueJobs(this.membership.database, jobs, { forMs, notify: this.#waker.quiet });
    if (!notified) this.#waker.wakeFor(jobs);
  }

  async write(
    task: string,
    stored: readonly StoredPayload[],
    placement: Placement,
    within: EnqueueOptions["within"],
    patienceMs: number,
  ): Promise<EnqueuedJob[]> {
    const ids = await this.#numbers.take(stored.length);
    const jobs: NewJob[] = [];
    let lane = { min: 0, max: 0, id: 0 }; // nearly always they all go to one
    for (const [index, { min, max, text, olderText }] of stored.entries()) {
      if (min !== lane.min || max !== lane.max) {
        const id = this.#lanes.idOf({ queue: placement.queue, task, min, max, priority: placement.priority });
        lane = { min, max, id: typeof id === "number" ? id : await id };
      }
      jobs.push({
        id: ids[index] ?? "",
        lane: lane.id,
        runAt: placement.runAt,
        payload: text,
        older: olderText,
      });
    }
    if (placement.key !== undefined) return this.#writeKeyed(task, jobs, placement.key, within, patienceMs);
    if (within) await this.#writeWithin(within, jobs);
    else await this.#writePlain(jobs, patienceMs);
    return jobs.map(({ id }) => ({ id, duplicate: false }));
  }

  async signal(event: NewEvent, within: Queryable | undefined, patienceMs: number): Promise<void> {
    const woken = await signalEvent(this.membership.database, event, within, patienceMs);
    if (within) await this.#wakeWithin(within, wakeUpsFor(woken.map(({ lane }) => ({ lane, runAt: null }))));
    else this.#waker.wake(woken.map(({ lane }) => lane));
  }

  async #writeWithin(within: Queryable, jobs: readonly NewJob[]): Promise<void> {
    for (const batch of batches(jobs))
      if (!(await enqueueWithin(within, batch))) this.#waker.wakeLater(wakeUpsFor(batch));
  }

  async #wakeWithin(within: Queryable, wakeUps: readonly WakeUp[]): Promise<void> {
    if (!(await wakeAlong(runWithin(within), wakeUps))) this.#waker.wakeLater(wakeUps);
  }

  async #writePlain(jobs: readonly NewJob[], patienceMs: number): Promise<void> {
    const [only] = jobs;
    if (jobs.length === 1 && only) await this.#gatherer.add({ job: only, patienceMs });
    else for (const batch of batches(jobs)) await this.#send(batch, patienceMs);
  }

  async #writeKeyed(
    task: string,
    jobs: readonly NewJob[],
    key: string,
    within: EnqueueOptions["within"],
    patienceMs: number,
  ): Promise<EnqueuedJob[]> {
    const keyed: KeyedJob[] = jobs.map((job) => ({ ...job, task, key }));
    const outcomes = within
      ? await enqueueKeyed(runWithin(within), keyed)
      : await enqueueKeyedJobs(this.membership.database, keyed, { forMs: patienceMs });
    if (within) await this.#wakeWithin(within, wakeUpsFor(jobs));
    else this.#waker.wakeFor(jobs);
    return outcomes;
  }

  async stop(): Promise<void> {
    await this.#gatherer.settled();
    await this.#waker.settled();
    await this.membership.stop();
  }
}

/** What goes into a statement each. */
function* batches(jobs: readonly NewJob[]): Generator<readonly NewJob[]> {
  let from = 0;
  let textLength = 0;
  for (const [place, { payload, older }] of jobs.entries()) {
    const length = payload.length + (older?.length ?? 0);
    if (place > from && (place - from === batchLimit || textLength + length > batchTextLimit)) {
      yield jobs.slice(from, place);
      from = place;
      textLength = 0;
    }
    textLength += length;
  }
  if (from < jobs.length) yield jobs.slice(from);
}

/** Writes an event and commits it, through lost connections, for as long as `forMs`. Answers with the jobs that it woke. */
async function signalEvent(
  database: Database,
  event: NewEvent,
  within: Queryable | undefined,
  forMs: number,
): Promise<{ id: string; lane: number }[]> {
  const woken = within
    ? await writeEvent(runWithin(within), event)
    : await retrying((timeoutMs) => database.transaction(({ run }) => writeEvent(run, event), { timeoutMs }), {
        during: "a signal",
        forMs,
      });
  publish({ event: "event.signalled", name: event.name, woken: woken.map(({ id }) => id) });
  return woken;
}
