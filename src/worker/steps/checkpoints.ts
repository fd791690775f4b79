import {
  type FoundCheckpoint,
  type HeldCheckpoint,
  loadCheckpoints,
  recordCheckpoints,
} from "../../engine/checkpoint.ts";
import { type Database, retrying } from "../../engine/database.ts";
import { type FoundEvent, findEvent } from "../../engine/event.ts";
import { Gatherer } from "../../engine/gather.ts";

/**
 * The checkpoints of all attempts of a worker: those in flight at one time are gathered into one write.
 */
const batchLimit = 1_000;
/** Of JSON, in one statement. */
const batchCharacters = 4_000_000;
/** How long a write goes on trying; by then the worker has been taken for dead, and its jobs are others'. */
const patienceMs = 60_000;

interface Write {
  readonly checkpoint: HeldCheckpoint;
  kept: boolean;
}

export class Checkpoints {
  readonly #database: Database;
  readonly #gatherer: Gatherer<Write>;

  constructor(database: Database) {
    this.#database = database;
    this.#gatherer = new Gatherer((writes) => this.#send(writes), batchLimit);
  }

  /** Writes one, together with others. Answers whether the job was still the attempt's. */
  async write(checkpoint: HeldCheckpoint): Promise<boolean> {
    const write: Write = { checkpoint, kept: false };
    await this.#gatherer.add(write);
    return write.kept;
  }

  /** What the earlier attempts of a job have done. */
  load(job: string): Promise<Map<string, FoundCheckpoint>> {
    return retrying(() => loadCheckpoints(this.#database, job), { during: "reading checkpoints", forMs: patienceMs });
  }

  /** The first event of a name after another one that has happened since a job was enqueued. */
  findEvent(name: string, after: string, since: string): Promise<FoundEvent | undefined> {
    return retrying(() => findEvent(this.#database, name, after, since), {
      during: "looking for an event",
      forMs: patienceMs,
    });
  }

  async #send(writes: readonly Write[]): Promise<void> {
    for (const process of new Set(writes.map(({ checkpoint }) => checkpoint.holder.process)))
      for (const batch of bySize(writes.filter(({ checkpoint }) => checkpoint.holder.process === process))) {
        const checkpoints = batch.map(({ checkpoint }) => checkpoint);
        const kept = await retrying(() => recordCheckpoints(this.#database, process, checkpoints), {
          during: "writing checkpoints",
          forMs: patienceMs,
        });
        const attempts = new Set(kept.map(keyOf));
        for (const write of batch) write.kept = attempts.has(keyOf(write.checkpoint.holder));
      }
  }
}

function keyOf({ id, delivery }: { readonly id: string; readonly delivery: number }): string {
  return `${id} ${delivery}`;
}

function* bySize(writes: readonly Write[]): Generator<readonly Write[]> {
  let batch: Write[] = [];
  let characters = 0;
  for (const write of writes) {
    const { value, older } = write.checkpoint;
    const size = (value?.length ?? 0) + (older?.length ?? 0);
    if (batch.length > 0 && characters + size > batchCharacters) {
      yield batch;
      batch = [];
      characters = 0;
    }
    batch.push(write);
    characters += size;
  }
  if (batch.length > 0) yield batch;
}
