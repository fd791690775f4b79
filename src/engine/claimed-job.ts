import { betweenTexts } from "./arrays.ts";
import type { Instant } from "./instant.ts";

/**
 * What a claim brings. Of many jobs at once, most of them small, reading is the dearest part of a worker's own work, and what lives until the next
 * garbage collection is copied by it. So the numbers of all are one list, and a payload stays a piece of the text that came until its attempt
 * starts.
 */

/** Jobs as the statement of a claim writes them. */
export interface WrittenJobs {
  /** Apart by commas. */
  readonly ids: string;
  /** JSON values apart by commas, `Facts` of each job. */
  readonly facts: string;
  /** JSON texts, apart by `betweenTexts`. */
  readonly payloads: string;
  /** When all of them were claimed. */
  readonly now: string;
}

/** The order in which the facts of a job stand. What nearly every job has not is a 0. */
type Facts = readonly [
  lane: number,
  delivery: number,
  runAt: Instant,
  enqueuedAt: Instant,
  started: 0 | 1,
  rest: Rest | 0,
];

type Rest = readonly [
  failures: number,
  crashes: number,
  interruptions: number,
  keyed: 0 | 1,
  older: Renditions | null,
  unstarted: number,
];

type Renditions = Readonly<Record<string, unknown>>;

const factsOfEach = 6 satisfies Facts["length"];

/** What a claim has brought, shared by its jobs. */
class Brought {
  readonly ids: readonly string[];
  readonly facts: readonly Facts[number][];
  readonly payloads: readonly string[];
  readonly claimedAt: Instant;

  constructor({ ids, facts, payloads, now }: WrittenJobs) {
    this.ids = ids.split(",");
    this.facts = JSON.parse(`[${facts}]`);
    this.payloads = payloads.split(betweenTexts);
    this.claimedAt = Number(now);
  }
}

/** A job that a claim has brought. It reads what was written when it is asked. */
export class ClaimedJob {
  readonly brought: Brought;
  readonly place: number;

  constructor(brought: Brought, place: number) {
    this.brought = brought;
    this.place = place;
  }

  get id(): string {
    return this.brought.ids[this.place] as string;
  }

  get claimedAt(): Instant {
    return this.brought.claimedAt;
  }

  get lane(): number {
    return this.#fact(0);
  }

  get delivery(): number {
    return this.#fact(1);
  }

  get runAt(): Instant {
    return this.#fact(2);
  }

  get enqueuedAt(): Instant {
    return this.#fact(3);
  }

  /** Whether the database knows that its attempt starts now; otherwise it may have to be told before (begin.ts). */
  get started(): boolean {
    return this.#fact(4) === 1;
  }

  get failures(): number {
    return this.#rest?.[0] ?? 0;
  }

  get crashes(): number {
    return this.#rest?.[1] ?? 0;
  }

  get interruptions(): number {
    return this.#rest?.[2] ?? 0;
  }

  get keyed(): boolean {
    return this.#rest?.[3] === 1;
  }

  /** Older renditions, by revision. */
  get older(): Renditions | null {
    return this.#rest?.[4] ?? null;
  }

  /** How many of its deliveries went back before an attempt began. */
  get unstarted(): number {
    return this.#rest?.[5] ?? 0;
  }

  /** How long it had been due when it was claimed, in milliseconds. */
  get waitedMs(): number {
    return Math.round((this.claimedAt - this.runAt) / 1_000);
  }

  /** The payload at the lane's newest revision: made anew with each call. */
  readPayload(): unknown {
    return JSON.parse(this.#payload);
  }

  /** Of the payload's JSON text, in characters. */
  get payloadLength(): number {
    return this.#payload.length;
  }

  get #payload(): string {
    return this.brought.payloads[this.place] as string;
  }

  #fact<At extends 0 | 1 | 2 | 3 | 4 | 5>(at: At): Facts[At] {
    return this.brought.facts[this.place * factsOfEach + at] as Facts[At];
  }

  get #rest(): Rest | undefined {
    return this.#fact(5) || undefined;
  }
}

/** The jobs of an answer, as they stand in it. */
export function readJobs(written: WrittenJobs): ClaimedJob[] {
  const brought = new Brought(written);
  return brought.ids.map((_, place) => new ClaimedJob(brought, place));
}
