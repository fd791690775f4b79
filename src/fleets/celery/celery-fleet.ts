import { randomUUID } from "node:crypto";
import { withoutPassword } from "../../brokers/broker-error.ts";
import { GateTenure, type Holder } from "../../brokers/gate-record.ts";
import type { FleetProcess, FleetView, HeldBy, Outcome, RemoteFleet } from "../fleet.ts";
import {
  Cancelling,
  type ClosedWorker,
  closedWorkers,
  commandsToReopen,
  consuming,
  reopenConsumers,
  withConsuming,
} from "./consumers.ts";
import { Heartbeats } from "./heartbeats.ts";
import { Inspection } from "./inspect.ts";
import { namesakeDoubt, namesakes } from "./namesakes.ts";
import { Presence } from "./presence.ts";
import { RateLimits } from "./rate-limits.ts";
import { type Answers, RemoteControl } from "./remote-control.ts";
import { Roster } from "./roster.ts";
import { namespaceOf, openTransport } from "./transport/open.ts";
import type { CeleryTransport } from "./transport/transport.ts";
import { readExpectation, Unheard } from "./unheard.ts";
import { adviceOn, attemptsOf, type Overrides } from "./verdict.ts";

export interface CeleryFleetOptions extends Overrides {
  /** The broker's address, as in Celery's `broker_url`. */
  readonly address: string;
  readonly holder: Holder;
  readonly leaseMs: number;
  /** For how long the gate will stay closed after the verdict: tasks with an ETA within it are waited for. */
  readonly holdMs: number;
}

const patience = { patienceMs: 3_000, strangersMs: 1_000 };
/** While we wait for known workers, strangers have less time; the verdict itself waits for them in full. */
const glance = { patienceMs: 3_000, strangersMs: 250 };
const lookEveryMs = 400;
/** To open again takes less. */
const openedWithinMs = 30_000;

/** Celery's workers, by remote control over their broker alone (docs/fleets.md). */
export class CeleryFleet implements RemoteFleet {
  readonly name: string;
  remarks: readonly string[] = [];
  readonly #options: CeleryFleetOptions;
  readonly #transport: CeleryTransport;
  readonly #control: RemoteControl;
  readonly #inspection: Inspection;
  readonly #cancelling: Cancelling;
  readonly #tenure: GateTenure;
  readonly #presence = new Presence();
  readonly #heartbeats: Heartbeats;
  readonly #roster: Roster;
  readonly #unheard: Unheard;
  readonly #rateLimits = new RateLimits();
  #holdMs: number;
  #cleanLooks = 0;

  private constructor(options: CeleryFleetOptions, transport: CeleryTransport) {
    this.name = `celery ${withoutPassword(options.address)}`;
    this.#options = options;
    this.#holdMs = options.holdMs;
    this.#transport = transport;
    this.#control = new RemoteControl(transport);
    this.#inspection = new Inspection(this.#control);
    this.#cancelling = new Cancelling(this.#control);
    this.#tenure = new GateTenure(this.name, transport.records);
    this.#heartbeats = new Heartbeats(transport);
    this.#roster = new Roster(transport.memory);
    this.#unheard = new Unheard(transport, readExpectation(options.address), {
      roster: this.#roster,
      heartbeats: this.#heartbeats,
      namespace: namespaceOf(options.address),
    });
  }

  /** @throws {BrokerUnreachableError | BrokerRefusedError} */
  static async open(options: CeleryFleetOptions): Promise<CeleryFleet> {
    return new CeleryFleet(options, await openTransport(options.address));
  }

  get #closed(): ClosedWorker[] {
    return closedWorkers(this.#tenure.closed);
  }

  async close(): Promise<void> {
    await this.#tenure.take(randomUUID(), this.#options.holder, this.#options.leaseMs);
    try {
      for (const { node } of this.#closed) this.#presence.hear(node);
      await this.#transport.sendLater(commandsToReopen(this.#closed), this.#options.leaseMs); // not what a dead holder had sent
      const answers = await this.#control.askAll("active_queues", {}, this.#presence.nodes, patience);
      await this.#heartbeats.listenToGreetings();
      for (const node of answers.by.keys()) this.#presence.hear(node);
      await this.#closeOpen(without(consuming(answers), await namesakes(answers, this.#transport)));
    } catch (error) {
      await this.reopen("aborted").catch(() => {}); // else what is on record stays to be opened by deploy abort
      throw error;
    }
  }

  /** Written down first, then closed: whoever finds the record can open everything. */
  async #closeOpen(open: ReturnType<typeof consuming>): Promise<void> {
    if (open.size === 0) return;
    await this.#tenure.note(await withConsuming(this.#control, this.#closed, open));
    await this.#transport.sendLater(commandsToReopen(this.#closed), this.#options.leaseMs);
    await this.#cancelling.cancel(open);
    await this.#roster.remember(
      open.keys(),
      this.#closed.flatMap(({ queues }) => queues.map(({ name }) => name)),
    );
  }

  /** Also closes workers that have come meanwhile, or have taken their consumers up again. */
  async observe(): Promise<FleetView> {
    const { view, open, shared } = await this.#look(true);
    await this.#closeOpen(without(open, shared));
    return view;
  }

  async look(): Promise<FleetView> {
    return (await this.#look(false)).view;
  }

  /** @param isWatching looks again and again: what shows itself only in time is waited for */
  async #look(
    isWatching: boolean,
  ): Promise<{ view: FleetView; open: ReturnType<typeof consuming>; shared: ReadonlySet<string> }> {
    const isFirst = this.#cleanLooks === 0;
    const answers = await this.#control.askAll(
      "active_queues",
      {},
      this.#presence.answering,
      isFirst ? glance : patience,
    );
    const open = consuming(answers);
    const shared = await namesakes(answers, this.#transport);
    for (const node of answers.by.keys()) this.#presence.hear(node);
    const nodes = [...answers.by.keys()];
    const { workers, doubts } = await this.#inspection.look(nodes);
    const attempts = workers.flatMap((each) => attemptsOf(each, this.#options, this.#holdMs, Date.now()));
    for (const { process, kind } of attempts) if (kind === "short") this.#presence.hear(process, { isBusy: true });
    await this.#heartbeats.listenTo([...eventExchangesOf(this.#options.address), ...this.#inspection.eventExchanges]);
    const processes = await this.#processes(answers, open);
    const allDoubts = [
      ...[...shared].map(namesakeDoubt),
      ...doubts,
      ...(isWatching ? this.#rateLimits.doubts(workers, (node) => open.has(node), performance.now()) : []),
      ...(await this.#unheard.doubts({
        answered: new Set(nodes),
        known: new Set(this.#presence.nodes),
        asked: answers.asked,
        queues: [...this.#inspection.queues, ...this.#closed.flatMap(({ queues }) => queues.map(({ name }) => name))],
        isClosing: open.size > 0,
      })),
      ...processes.filter(({ state }) => state === "silent").map(silence),
    ];
    const isClean =
      allDoubts.length === 0 &&
      processes.every(({ state }) => state === "closed" || state === "gone") &&
      attempts.every(({ kind }) => kind === "interruptible");
    this.#cleanLooks = isClean ? this.#cleanLooks + 1 : 0;
    const drained = this.#cleanLooks >= 2 && this.#heartbeats.hasListenedEnough; // a message may have been on its way between two places at the first
    const advice = [...new Set(workers.flatMap((each) => adviceOn(each, this.#options)))];
    return { view: { drained, processes, attempts, doubts: [...new Set(allDoubts)], advice }, open, shared };
  }

  async #processes({ by, asked }: Answers, open: ReturnType<typeof consuming>): Promise<FleetProcess[]> {
    const processes: FleetProcess[] = [];
    for (const node of this.#presence.nodes) {
      if (by.has(node)) processes.push(toProcess(node, open.has(node)));
      else {
        const isAnybodyMute = asked === undefined ? undefined : asked > by.size;
        processes.push(this.#presence.absent(node, await this.#isConnected(node), isAnybodyMute));
      }
    }
    return processes;
  }

  async #isConnected(node: string): Promise<boolean | undefined> {
    const readers = await this.#transport.readers(node);
    return readers === undefined ? undefined : readers > 0;
  }

  async changed(withinMs: number, signal?: AbortSignal): Promise<void> {
    await new Promise<void>((resolve) => {
      const timer = setTimeout(resolve, Math.min(withinMs, lookEveryMs));
      signal?.addEventListener(
        "abort",
        () => {
          clearTimeout(timer);
          resolve();
        },
        { once: true },
      );
    });
  }

  async hold(ms: number): Promise<void> {
    await this.#tenure.hold(ms);
    await this.#transport.sendLater(commandsToReopen(this.#closed), ms);
  }

  async extend(ms: number): Promise<void> {
    this.#holdMs = ms;
    await this.#tenure.hold(ms, { evenLate: true });
    await this.#transport.sendLater(commandsToReopen(this.#closed), ms);
  }

  async adopt(): Promise<HeldBy | undefined> {
    const record = await this.#tenure.adopt();
    for (const { node } of this.#closed) this.#presence.expect(node);
    return record;
  }

  async reopen(_outcome: Outcome): Promise<boolean> {
    if (!(await this.#tenure.isOurs())) return false;
    const closed = this.#closed;
    await this.#transport.sendLater(commandsToReopen(closed), openedWithinMs); // not in the middle of it; and if we die there, then
    this.remarks = (await reopenConsumers(this.#control, closed)).map(
      (node) =>
        `Celery worker ${node} has not confirmed that it consumes again: it has gone, or it will when it reads its mailbox. Look: celery inspect active_queues`,
    );
    const isOurs = await this.#tenure.drop(); // after them: who dies in between has left the record
    if (isOurs) await this.#transport.sendLater([], 0);
    return isOurs;
  }

  async leave(): Promise<void> {
    await this.#transport.close();
  }
}

function without<T>(open: ReadonlyMap<string, T>, shared: ReadonlySet<string>): Map<string, T> {
  return new Map([...open].filter(([node]) => !shared.has(node)));
}

function toProcess(node: string, isOpen: boolean): FleetProcess {
  return { id: node, where: node, release: null, state: isOpen ? "open" : "closed" };
}

function silence({ id, remark = "" }: FleetProcess): string {
  return `Celery worker ${id}: ${remark}.`;
}

/** Where workers that do not answer tell of themselves: `?event_exchange=`, or Celery's default where the app has the default control exchange. */
function eventExchangesOf(address: string): string[] {
  const told = new URL(address).searchParams.get("event_exchange");
  if (told !== null) return [told];
  return namespaceOf(address) === "celery" ? ["celeryev"] : [];
}
