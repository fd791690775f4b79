import { formatMilliseconds } from "../contract/duration.ts";
import { TaskmasterError } from "../contract/error.ts";

/** What a closed gate leaves in the broker, so that another program, on another machine, can open it. */
export interface GateRecord {
  readonly id: string;
  readonly by: string;
  readonly host: string;
  readonly pid: number;
  /** Epoch milliseconds. */
  readonly openedAt: number;
  /** Epoch milliseconds; when it is past, its holder is silent and the gate may be taken from him. */
  readonly until: number;
  /** What was closed, in the fleet's own words. */
  readonly closed: unknown;
}

/** Where the record is. Each method is atomic: of two programs one wins. */
export interface GateRecordStore {
  read(): Promise<GateRecord | undefined>;
  /** Writes it where there is none; else answers with the one that there is. */
  take(record: GateRecord): Promise<GateRecord | undefined>;
  /** Answers false where it is not this one any more. */
  replace(record: GateRecord): Promise<boolean>;
  drop(id: string): Promise<boolean>;
}

/** Thrown where another program has closed this fleet. Nothing was closed. */
class FleetHeldError extends TaskmasterError {
  readonly code = "TASKMASTER_FLEET_HELD";

  constructor(fleet: string, { by, host, pid, openedAt, until }: GateRecord) {
    super(
      `${fleet} has been closed by ${by} on ${host} (process ${pid}) for ${formatMilliseconds(Date.now() - openedAt)}, and its hold ends in ` +
        `${formatMilliseconds(Math.max(0, until - Date.now()))}. Look: npx taskmaster deploy status. Open it: npx taskmaster deploy abort.`,
    );
  }
}

/** Thrown where the gate of a fleet has been opened by somebody else, or its lease has ended: nothing is safe. */
class FleetLostError extends TaskmasterError {
  readonly code = "TASKMASTER_FLEET_LOST";

  constructor(fleet: string) {
    super(
      `${fleet} has been opened without this program: somebody called deploy abort, or its lease ran out. Its workers run again, so do not deploy.`,
    );
  }
}

export interface Holder {
  readonly by: string;
  readonly host: string;
  readonly pid: number;
}

/** A holder's side of the record. Its writes go one after the other, so that a renewal does not undo a note. */
export class GateTenure {
  readonly #fleet: string;
  readonly #store: GateRecordStore;
  #record: GateRecord | undefined;
  #turn: Promise<unknown> = Promise.resolve();

  constructor(fleet: string, store: GateRecordStore) {
    this.#fleet = fleet;
    this.#store = store;
  }

  get closed(): unknown {
    return this.#record?.closed;
  }

  /**
   * Takes the gate, also one whose lease has ended: what its holder had closed is answered, for it is still closed.
   * @throws {FleetHeldError}
   */
  async take(id: string, holder: Holder, leaseMs: number): Promise<unknown> {
    const now = Date.now();
    const record = { id, ...holder, openedAt: now, until: now + leaseMs, closed: null };
    for (let left: unknown = null; ; ) {
      const held = await this.#store.take({ ...record, closed: left });
      if (held === undefined) {
        this.#record = { ...record, closed: left };
        return left;
      }
      if (held.until > Date.now()) throw new FleetHeldError(this.#fleet, held);
      left = held.closed;
      await this.#store.drop(held.id);
    }
  }

  /** Takes over a gate that another program has closed, to open or extend it. Answers undefined where none is closed. */
  async adopt(): Promise<GateRecord | undefined> {
    this.#record = await this.#store.read();
    return this.#record;
  }

  /** Writes down what is closed, before it is closed. @throws {FleetLostError} */
  note(closed: unknown): Promise<void> {
    return this.#change((record) => ({ ...record, closed }));
  }

  /** @throws {FleetLostError} */
  hold(ms: number, { evenLate = false } = {}): Promise<void> {
    return this.#change((record) => {
      if (record.until < Date.now() && !evenLate) throw new FleetLostError(this.#fleet);
      return { ...record, until: Date.now() + ms };
    });
  }

  /** Whether the gate is still this holder's. Who has lost it must open nothing: somebody else may have closed it since. */
  async isOurs(): Promise<boolean> {
    await this.#turn;
    return this.#record !== undefined && (await this.#store.read())?.id === this.#record.id;
  }

  async drop(): Promise<boolean> {
    await this.#turn;
    const record = this.#record;
    this.#record = undefined;
    return record !== undefined && (await this.#store.drop(record.id));
  }

  #change(how: (record: GateRecord) => GateRecord): Promise<void> {
    const change = this.#turn.then(async () => {
      if (this.#record === undefined) throw new FleetLostError(this.#fleet);
      const next = how(this.#record);
      if (!(await this.#store.replace(next))) throw new FleetLostError(this.#fleet);
      this.#record = next;
    });
    this.#turn = change.catch(() => {});
    return change;
  }
}
