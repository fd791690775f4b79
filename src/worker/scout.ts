import { isBehind, type LaneQuota, probeLanes } from "../engine/claim.ts";
import type { ClaimedJob } from "../engine/claimed-job.ts";
import type { Database } from "../engine/database.ts";
import { listLanes, type ReadableLane, rankOf, readableLanes } from "../engine/lanes.ts";
import type { WakeUp } from "../engine/wake-ups.ts";
import { shareOut } from "./shares.ts";
import type { TaskEntry, TaskTable } from "./task-table.ts";
import { Trail } from "./trail.ts";

/**
 * Knows which lanes have work. Invariants:
 *
 * 1. A lane is hot from a notification, a probe or a full claim, until a claim that was planned after it comes back short.
 * 2. Every lane is probed from its very beginning at least every `sweepMs` (longer only where a probe is slow itself), so what was missed
 *    (a lost notification, a very late commit, a new lane) waits that long at most.
 * 3. A claim looks from the floor that the lane's trail says, not again at what lies before, dead or claimed. Whatever waits where the floor
 *    hides it (a probe has found it, a job was handed back) ends the trail, also that of a claim which is on its way.
 */
const sweepMs = 1_000;
/** Between two looks at all lanes because something is due, in milliseconds; longer where a look takes more than a tenth of that. */
const restMs = 20;

interface LaneState {
  readonly lane: ReadableLane;
  hot: boolean;
  /** Whether it was said to have work since the last claim was planned. */
  rung: boolean;
  trail: Trail;
}

/** A lane's part of a claim, and the trail that it was planned by. */
export interface PlannedQuota extends LaneQuota {
  readonly trail: Trail;
}

export class Scout {
  readonly #database: Database;
  readonly #tasks: TaskTable;
  readonly #queues: readonly string[] | null;
  readonly #lanes = new Map<number, LaneState>();
  #known = new Set<number>();
  /** How many lanes are hot. */
  #hot = 0;
  #sweepAt = 0;
  /** When the next scheduled job is due, as far as is known, by `performance.now()`. */
  #dueAt = Number.POSITIVE_INFINITY;
  #restUntil = 0;
  #turn = 0;

  constructor(database: Database, tasks: TaskTable, queues: readonly string[] | null) {
    this.#database = database;
    this.#tasks = tasks;
    this.#queues = queues;
  }

  /** Lanes said to have work, or to have it soon. Answers whether that changes anything for this worker. */
  wake(wakeUps: readonly WakeUp[]): boolean {
    let changed = false;
    for (const { lane, inMs } of wakeUps) {
      const state = this.#lanes.get(lane);
      if (state === undefined && this.#known.has(lane)) continue; // not for this worker
      if (inMs > 0) changed = this.expect(inMs) || changed;
      else {
        if (state) this.#ring(state);
        else this.#sweepAt = 0; // a lane that is new: look at all of them
        changed = true;
      }
    }
    return changed;
  }

  /** A job will be due in so many milliseconds. Answers whether that is before anything else is looked for. */
  expect(inMs: number): boolean {
    const dueAt = performance.now() + Math.ceil(inMs) + 1; // rather a moment later than twice
    const isSooner = dueAt < Math.min(this.#dueAt, this.#sweepAt);
    this.#dueAt = Math.min(this.#dueAt, dueAt); // also where a look is due anyway: it may have begun before the job was written
    return isSooner;
  }

  /** Lanes to which jobs have gone back, where they stood: before the floor. */
  returned(lanes: readonly number[]): void {
    for (const id of lanes) {
      const state = this.#lanes.get(id);
      if (state) state.trail = new Trail();
    }
  }

  /** Looks at every lane with the next `survey`. */
  sweepSoon(): void {
    this.#sweepAt = 0;
  }

  /** Looks at every lane, where it is time to. One look at a time. */
  async survey(): Promise<void> {
    const startedAt = performance.now();
    if (startedAt < this.#nextAt) return;
    // Before it looks: what is told from now on counts for the next one.
    this.#dueAt = Number.POSITIVE_INFINITY;
    this.#sweepAt = Number.POSITIVE_INFINITY;
    try {
      await this.#look();
    } catch (error) {
      this.#sweepAt = 0;
      throw error;
    }
    const now = performance.now();
    this.#restUntil = now + Math.max(restMs, (now - startedAt) * 10);
    // A probe may be slow where dead rows cannot be removed; it takes a twentieth of the time at most.
    const sweepAt = now + Math.max(sweepMs * (0.75 + Math.random() / 2), (now - startedAt) * 20);
    this.#sweepAt = Math.min(this.#sweepAt, sweepAt);
  }

  async #look(): Promise<void> {
    await this.#refreshLanes();
    // As they are now: what a claim takes meanwhile lies before its floor afterwards, and was not hidden by it.
    const floors = new Map([...this.#lanes].map(([id, { trail }]) => [id, trail.floor]));
    const heads = await probeLanes(this.#database, [...floors.keys()]);
    const now = performance.now();
    for (const { lane, dueInMs, ...place } of heads) {
      const state = this.#lanes.get(lane);
      if (state === undefined) continue;
      const floor = floors.get(lane);
      if (floor !== undefined && !isBehind(place, floor)) state.trail = new Trail();
      if (dueInMs <= 0) this.#ring(state);
      else this.#dueAt = Math.min(this.#dueAt, now + dueInMs);
    }
  }

  /** When all lanes are looked at next. */
  get #nextAt(): number {
    return Math.min(this.#sweepAt, Math.max(this.#dueAt, this.#restUntil));
  }

  async #refreshLanes(): Promise<void> {
    const all = await listLanes(this.#database);
    this.#known = new Set(all.map(({ id }) => id));
    for (const lane of readableLanes(all, this.#queues, this.#tasks.reads))
      if (!this.#lanes.has(lane.id)) {
        const state = { lane, hot: false, rung: false, trail: new Trail() };
        this.#lanes.set(lane.id, state);
        this.#ring(state);
      }
  }

  #ring(state: LaneState): void {
    this.#heat(state, true);
    state.rung = true;
  }

  #heat(state: LaneState, hot: boolean): void {
    if (state.hot !== hot) this.#hot += hot ? 1 : -1;
    state.hot = hot;
  }

  /** How long there is nothing to do, in milliseconds, unless a notification comes. */
  idleMs(): number {
    return Math.max(0, this.#nextAt - performance.now());
  }

  lane(id: number): ReadableLane | undefined {
    return this.#lanes.get(id)?.lane;
  }

  /** Whether any lane is known to have work. */
  get isHot(): boolean {
    return this.#hot > 0;
  }

  /** Whether any lane had all that was asked for the last time. */
  get hasBacklog(): boolean {
    for (const { hot, trail } of this.#lanes.values()) if (hot && trail.isBacklog) return true;
    return false;
  }

  /** The tasks of the hot lanes. */
  hotTasks(): Set<string> {
    return new Set([...this.#lanes.values()].filter(({ hot }) => hot).map(({ lane }) => lane.task));
  }

  /**
   * Shares out room among hot lanes: all of it to the highest priority that has work, in equal parts, so that no task starves
   * another of its rank. What a lane leaves goes to the others with the next claim.
   *
   * @param breadth how many jobs run at once
   * @param backlog only from lanes that had all that was asked for the last time. Default false
   */
  plan(room: number, breadth: number, mayStart: (task: TaskEntry) => boolean, backlog = false): PlannedQuota[] {
    const hot = [...this.#lanes.values()].filter(({ hot, lane, trail }) => {
      const task = hot && (trail.isBacklog || !backlog) && this.#tasks.get(lane.task);
      return task && mayStart(task);
    });
    const rank = Math.min(...hot.map(({ lane }) => rankOf(lane.priority)));
    const sharing = hot.filter(({ lane }) => rankOf(lane.priority) === rank);
    if (sharing.length === 0 || room < 1) return [];
    const { places, quotas, next } = shareOut(room, { lanes: sharing.length, breadth, from: this.#turn });
    this.#turn = next;
    return places.map((place, index) => {
      const state = sharing[place] as LaneState;
      state.rung = false;
      const { lane, trail } = state;
      return { lane: lane.id, quota: quotas[index] as number, floor: trail.floor, backlogAt: trail.backlogAt, trail };
    });
  }

  /** Takes in what a claim brought. */
  learn(asked: readonly PlannedQuota[], claimed: readonly ClaimedJob[]): void {
    const brought = new Map<number, { count: number; last: ClaimedJob }>();
    for (const job of claimed) {
      const seen = brought.get(job.lane);
      if (seen === undefined) brought.set(job.lane, { count: 1, last: job });
      else {
        seen.count++;
        if (isBehind(job, seen.last)) seen.last = job;
      }
    }
    for (const { lane, quota, trail } of asked) {
      const state = this.#lanes.get(lane);
      if (state === undefined) continue;
      const got = brought.get(lane);
      const isFull = got !== undefined && got.count >= quota;
      this.#heat(state, isFull || state.rung);
      if (got === undefined) trail.stay();
      else {
        const { runAt, id, claimedAt } = got.last;
        trail.advance({ runAt, id }, got.count, isFull ? claimedAt : undefined);
      }
    }
  }
}
