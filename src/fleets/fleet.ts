/**
 * The port between the gate's one algorithm (src/deploy/) and whatever runs jobs: Taskmaster's own workers, or those of another system.
 * A fleet is one file over this port. Invariants that every fleet keeps:
 *
 * 1. `close` is idempotent for its holder, and survives him: what he closed can be opened by another program (`reopen`).
 * 2. `drained` is true only where nothing that the gate waits for runs, and nothing can start until `reopen`. What a fleet cannot know is
 *    a doubt, and a fleet with a doubt is not drained.
 * 3. `reopen` opens exactly what `close` closed.
 */
export interface Fleet {
  /** For people: `taskmaster`, or the address of a broker without its password. */
  readonly name: string;
  /** Stops new jobs from starting. @throws {GateHeldError} where somebody else has closed it */
  close(): Promise<void>;
  /** What is going on behind the gate. */
  observe(): Promise<FleetView>;
  /** Resolves when something may have changed, at the latest after so many milliseconds. */
  changed(withinMs: number, signal?: AbortSignal): Promise<void>;
  /** Says that its holder lives: without it, the fleet opens by itself after `ms`. @throws {GateLostError} where that has happened */
  hold(ms: number): Promise<void>;
  /** Opens what was closed. Answers false where it had been opened already. */
  reopen(outcome: Outcome, reason?: string): Promise<boolean>;
}

/** A fleet whose gate is on record in its own broker: other programs, on other machines, can take it over. */
export interface RemoteFleet extends Fleet {
  /** Takes over what another program has closed, to look at it or to open it. Answers who has closed it; undefined where nothing is closed. */
  adopt(): Promise<HeldBy | undefined>;
  /** What is going on there, whoever has closed it or nobody. Changes nothing. */
  look(): Promise<FleetView>;
  /** Keeps what was adopted closed for so long from now on. */
  extend(ms: number): Promise<void>;
  /** After `reopen`: what a person should know, a sentence each. */
  readonly remarks: readonly string[];
  /** Leaves the broker. What is closed stays closed. */
  leave(): Promise<void>;
}

export interface HeldBy {
  readonly by: string;
  readonly host: string;
  readonly pid: number;
  /** Epoch milliseconds. */
  readonly openedAt: number;
  /** Epoch milliseconds: its holder is silent when it has passed. */
  readonly until: number;
}

/** How a gate ends. */
export type Outcome = "finished" | "aborted" | "blocked";

export interface FleetView {
  /** Nothing that a deploy waits for runs, and nothing starts until the gate ends. */
  readonly drained: boolean;
  readonly processes: readonly FleetProcess[];
  /** What runs, short and interruptible. */
  readonly attempts: readonly RunningAttempt[];
  /** What the fleet cannot know, a sentence each. Whoever has doubts is not drained. */
  readonly doubts: readonly string[];
  /** What whoever stops its workers has to know, a sentence each. It is in nobody's way. */
  readonly advice?: readonly string[];
}

export interface FleetProcess {
  readonly id: string;
  /** `host:pid`, or what the system has. */
  readonly where: string;
  readonly release: string | null;
  /** `open`: has not said that it has closed; `closed`: it has; `silent`: it does not answer; `gone`: it can do nothing any more. */
  readonly state: "open" | "closed" | "silent" | "gone";
  /** Why it is as it is, where that needs saying: `its lease ends in 12s`. */
  readonly remark?: string;
}

export interface RunningAttempt {
  readonly job: string;
  readonly task: string;
  /** A deploy waits for `short` ones. */
  readonly kind: "short" | "interruptible";
  /** The id of its process. */
  readonly process: string;
  readonly where: string;
  readonly since: Date;
  /** Its time limit, where it has one. */
  readonly limitMs?: number;
  readonly overrun?: boolean;
  /** What keeps it from being an ordinary run: `prefetched, has not started`. */
  readonly remark?: string;
}
