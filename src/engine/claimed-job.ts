import { betweenTexts } from "./arrays.ts";
import { type Instant, readInstants } from "./instant.ts";

/**
 * What a claim brings. Of many jobs at once, most of them small, reading is the dearest part of a worker's own work, and what lives until the next
 * garbage collection is copied by it. So what all have is told in columns, and a payload stays a piece of the text that came until its attempt
 * starts.
 */

/** What the statement of a claim answers: a row for some hundred jobs, then one for each of them with large texts; and so on. */
export type WrittenRow = WrittenJobs | LargeTexts;

/** Jobs in columns, in no order. */
export interface WrittenJobs {
  /** Apart by commas. */
  readonly ids: string;
  /** Apart by commas; null where only one was asked for. */
  readonly lanes: string | null;
  /** As `readInstants` reads them. */
  readonly runAt: string;
  readonly enqueuedAt: string;
  /** The members of a JSON object of `Rest` by job number, of the jobs that have one; null where none has. */
  readonly rest: string | null;
  /** JSON texts, apart by `betweenTexts`; empty in the place of a large one. */
  readonly payloads: string;
  /** When all of them were claimed. */
  readonly now: string;
}

/** What is too large to come with that of the others. */
interface LargeTexts {
  /** Of one job. */
  readonly ids: string;
  readonly rest: string | null;
  readonly payloads: string;
  readonly now: null;
}

/** What nearly no job has. */
type Rest = readonly [
  delivery: number,
  started: 0 | 1,
  failures: number,
  crashes: number,
  interruptions: number,
  keyed: 0 | 1,
  older: Renditions | null,
  unstarted: number,
];

/** Of most jobs. */
const nothingElse: Rest = [1, 0, 0, 0, 0, 0, null, 0];

type Renditions = Readonly<Record<string, unknown>>;

/** What a row of a claim's answer has brought, shared by its jobs. */
class Brought {
  readonly ids: readonly string[];
  readonly runAt: Float64Array;
  readonly payloads: string[];
  readonly claimedAt: Instant;
  readonly #lane: number;
  readonly #lanes: readonly number[] | undefined;
  readonly #rest: Record<string, Rest> | undefined;
  /** A text until somebody asks for it. */
  #enqueuedAt: string | Float64Array;

  constructor(
    { ids, lanes, runAt, enqueuedAt, rest, payloads, now }: WrittenJobs,
    large: readonly LargeTexts[],
    lane: number,
  ) {
    this.ids = ids.split(",");
    this.#lane = lane;
    this.#lanes = lanes === null ? undefined : JSON.parse(`[${lanes}]`);
    this.runAt = readInstants(runAt);
    this.#enqueuedAt = enqueuedAt;
    this.payloads = payloads.split(betweenTexts);
    this.claimedAt = Number(now);
    const rests = [rest, ...large.map((one) => one.rest)].filter((one) => one !== null);
    this.#rest = rests.length > 0 ? JSON.parse(`{${rests.join(",")}}`) : undefined;
    if (large.length > 0) this.#put(large);
  }

  #put(large: readonly LargeTexts[]): void {
    const places = new Map(this.ids.map((id, place) => [id, place]));
    for (const { ids, payloads } of large) this.payloads[places.get(ids) as number] = payloads;
  }

  lane(place: number): number {
    return this.#lanes === undefined ? this.#lane : (this.#lanes[place] as number);
  }

  enqueuedAt(place: number): Instant {
    if (typeof this.#enqueuedAt === "string") this.#enqueuedAt = readInstants(this.#enqueuedAt);
    return this.#enqueuedAt[place] as Instant;
  }

  rest(place: number): Rest {
    return this.#rest?.[this.ids[place] as string] ?? nothingElse;
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
    return this.brought.lane(this.place);
  }

  get delivery(): number {
    return this.#rest[0];
  }

  get runAt(): Instant {
    return this.brought.runAt[this.place] as Instant;
  }

  get enqueuedAt(): Instant {
    return this.brought.enqueuedAt(this.place);
  }

  /** Whether the database knows that its attempt starts now; otherwise it may have to be told before (begin.ts). */
  get started(): boolean {
    return this.#rest[1] === 1;
  }

  get failures(): number {
    return this.#rest[2];
  }

  get crashes(): number {
    return this.#rest[3];
  }

  get interruptions(): number {
    return this.#rest[4];
  }

  get keyed(): boolean {
    return this.#rest[5] === 1;
  }

  /** Older renditions, by revision. */
  get older(): Renditions | null {
    return this.#rest[6];
  }

  /** How many of its deliveries went back before an attempt began. */
  get unstarted(): number {
    return this.#rest[7];
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

  get #rest(): Rest {
    return this.brought.rest(this.place);
  }
}

/**
 * The jobs of an answer, as they stand in it.
 *
 * @param lane whose they are, where only one was asked for
 */
export function readJobs(rows: readonly WrittenRow[], lane = 0): ClaimedJob[] {
  const jobs: ClaimedJob[] = [];
  for (let next = 0; next < rows.length; ) {
    const written = rows[next++] as WrittenJobs;
    const large: LargeTexts[] = [];
    for (let row = rows[next]; row !== undefined && row.now === null; row = rows[++next]) large.push(row);
    const brought = new Brought(written, large, lane);
    for (let place = 0; place < brought.ids.length; place++) jobs.push(new ClaimedJob(brought, place));
  }
  return jobs;
}
