import { formatMilliseconds } from "../contract/duration.ts";
import type { Fleet, FleetView, RunningAttempt } from "../fleets/fleet.ts";

/**
 * The gate's one algorithm, over any fleets: close them all, wait until none of them runs anything that must not be cut off, and say so; or open them all
 * again and name what was in the way. Invariants:
 *
 * 1. However it ends but by `safe`, every fleet that was closed is opened again, by us or, where we cannot, by its lease.
 * 2. `safe` means that each fleet has said that it is drained, after all of them had been closed; no fleet takes that back before the gate ends.
 */
export interface PrepareOptions {
  readonly fleets: readonly Fleet[];
  /** How long to wait for the blockers. */
  readonly timeoutMs: number;
  /** How long a fleet stays closed after we have died. Renewed three times as often. */
  readonly leaseMs: number;
  /** How long the gate stays closed after the verdict. */
  readonly holdMs: number;
  /** Aborts: everything opens again. */
  readonly signal: AbortSignal;
  /** Told whenever something has changed. */
  readonly onView?: (view: PrepareView) => void;
}

export interface PrepareView {
  readonly fleets: readonly { readonly name: string; readonly view: FleetView }[];
  readonly waitedMs: number;
}

export type Prepared =
  | { readonly verdict: "safe"; readonly last: PrepareView }
  | { readonly verdict: "blocked"; readonly last: PrepareView; readonly blockers: readonly Blocker[] }
  | { readonly verdict: "aborted"; readonly last: PrepareView | undefined };

export interface Blocker extends RunningAttempt {
  readonly fleet: string;
  readonly ranMs: number;
}

/** Between two looks where nothing is told. */
const lookEveryMs = 1_000;

export async function prepare(options: PrepareOptions): Promise<Prepared> {
  const { fleets, timeoutMs, leaseMs, holdMs, signal } = options;
  const begun = performance.now();
  const closed: Fleet[] = [];
  let last: PrepareView | undefined;
  const reopen = async (outcome: "blocked" | "aborted", reason: string) => {
    const opened = await Promise.allSettled(closed.map((fleet) => fleet.reopen(outcome, reason))); // one that fails keeps no other closed
    for (const each of opened) if (each.status === "rejected") throw each.reason;
  };
  const renewing = new Renewing(closed, leaseMs);
  try {
    for (const fleet of fleets) {
      if (signal.aborted) break;
      await fleet.close();
      closed.push(fleet);
    }
    renewing.start();
    while (!signal.aborted) {
      renewing.assertHeld();
      last = { fleets: await look(fleets), waitedMs: performance.now() - begun };
      options.onView?.(last);
      if (last.fleets.every(({ view }) => view.drained)) {
        await renewing.stop(); // a renewal that is late would shorten the hold
        for (const fleet of fleets) await fleet.hold(holdMs);
        return { verdict: "safe", last };
      }
      const leftMs = timeoutMs - (performance.now() - begun);
      if (leftMs <= 0) {
        const blockers = blockersOf(last);
        await reopen("blocked", `after ${formatMilliseconds(timeoutMs)} ${inTheWay(last, blockers)}`);
        return { verdict: "blocked", last, blockers };
      }
      await anyChanged(fleets, Math.max(1, Math.min(leftMs, lookEveryMs)), signal);
    }
    await reopen("aborted", "interrupted while the gate was closing");
    return { verdict: "aborted", last };
  } catch (error) {
    await reopen("aborted", error instanceof Error ? error.message : String(error)).catch(() => {}); // else its lease ends
    throw error;
  } finally {
    await renewing.stop();
  }
}

async function look(fleets: readonly Fleet[]): Promise<{ name: string; view: FleetView }[]> {
  return Promise.all(fleets.map(async (fleet) => ({ name: fleet.name, view: await fleet.observe() })));
}

async function anyChanged(fleets: readonly Fleet[], withinMs: number, signal: AbortSignal): Promise<void> {
  const over = new AbortController();
  const either = AbortSignal.any([signal, over.signal]);
  await Promise.race(fleets.map((fleet) => fleet.changed(withinMs, either)));
  over.abort();
}

function inTheWay({ fleets }: PrepareView, blockers: readonly Blocker[]): string {
  const doubts = fleets.flatMap(({ view }) => view.doubts);
  const open = fleets
    .flatMap(({ view }) => view.processes)
    .filter(({ state }) => state === "open" || state === "silent");
  return [
    blockers.length > 0 ? `${[...new Set(blockers.map(({ task }) => task))].join(", ")} still ran` : "",
    open.length > 0 ? `${open.map(({ where }) => where).join(", ")} had not answered` : "",
    ...doubts,
  ]
    .filter(Boolean)
    .join("; ");
}

/** Short attempts that run, the longest-running first. */
export function blockersOf({ fleets }: PrepareView): Blocker[] {
  const now = Date.now();
  return fleets
    .flatMap(({ name, view }) =>
      view.attempts
        .filter(({ kind }) => kind === "short")
        .map((attempt) => ({ ...attempt, fleet: name, ranMs: now - attempt.since.getTime() })),
    )
    .sort((a, b) => b.ranMs - a.ranMs);
}

/** Keeps the leases of closed fleets from ending while their holder lives. */
export class Renewing {
  readonly #fleets: readonly Fleet[];
  readonly #leaseMs: number;
  #timer: NodeJS.Timeout | undefined;
  #renewal: Promise<void> | undefined;
  #lost: unknown;

  constructor(fleets: readonly Fleet[], leaseMs: number) {
    this.#fleets = fleets;
    this.#leaseMs = leaseMs;
  }

  start(): void {
    this.#timer = setInterval(() => {
      this.#renewal ??= this.#renew().finally(() => {
        this.#renewal = undefined;
      });
    }, this.#leaseMs / 3);
  }

  async #renew(): Promise<void> {
    try {
      await Promise.all(this.#fleets.map((fleet) => fleet.hold(this.#leaseMs)));
    } catch (error) {
      this.#lost ??= error;
    }
  }

  /** @throws what a fleet threw: the gate is lost */
  assertHeld(): void {
    if (this.#lost !== undefined) throw this.#lost;
  }

  /** Asks each fleet just now: what the last renewal has heard may be a third of a lease old. @throws what a fleet threw: the gate is lost */
  async verifyHeld(): Promise<void> {
    await this.#renewal;
    await this.#renew();
    this.assertHeld();
  }

  /** Resolves when none is on its way any more. */
  async stop(): Promise<void> {
    clearInterval(this.#timer);
    await this.#renewal;
  }
}
