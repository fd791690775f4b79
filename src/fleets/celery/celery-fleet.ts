import { randomUUID } from "node:crypto";
import { withoutPassword } from "../../brokers/broker-error.ts";
import { GateTenure, type Holder } from "../../brokers/gate-record.ts";
import type { FleetProcess, FleetView, HeldBy, Outcome, RemoteFleet } from "../fleet.ts";
import {
  type ClosedWorker,
  cancel,
  closedWorkers,
  commandsToReopen,
  consuming,
  reopenConsumers,
  withConsuming,
} from "./consumers.ts";
import { Inspection } from "./inspect.ts";
import { RemoteControl } from "./remote-control.ts";
import { openTransport } from "./transport/open.ts";
import type { CeleryTransport } from "./transport/transport.ts";
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
/** For so long a worker that has left may still be finishing what it had. */
const leavingMs = 10_000;

/** Celery's workers, by remote control over their broker alone (docs/fleets.md). */
export class CeleryFleet implements RemoteFleet {
  readonly name: string;
  remarks: readonly string[] = [];
  readonly #options: CeleryFleetOptions;
  readonly #transport: CeleryTransport;
  readonly #control: RemoteControl;
  readonly #inspection: Inspection;
  readonly #tenure: GateTenure;
  /** Every worker that has answered or was closed, and when it was heard of for the last time. */
  readonly #heard = new Map<string, { at: number; wasBusy: boolean }>();
  #cleanLooks = 0;

  private constructor(options: CeleryFleetOptions, transport: CeleryTransport) {
    this.name = `celery ${withoutPassword(options.address)}`;
    this.#options = options;
    this.#transport = transport;
    this.#control = new RemoteControl(transport);
    this.#inspection = new Inspection(this.#control);
    this.#tenure = new GateTenure(this.name, transport.records);
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
      for (const { node } of this.#closed) this.#hear(node, false);
      await this.#transport.sendLater(commandsToReopen(this.#closed), this.#options.leaseMs); // not what a dead holder had sent
      const answers = await this.#control.askAll("active_queues", {}, this.#heard.keys(), patience);
      for (const node of answers.by.keys()) this.#hear(node, false);
      await this.#closeOpen(consuming(answers));
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
    await cancel(this.#control, open);
  }

  /** Also closes workers that have come meanwhile, or have taken their consumers up again. */
  async observe(): Promise<FleetView> {
    const { view, open } = await this.#look();
    await this.#closeOpen(open);
    return view;
  }

  async look(): Promise<FleetView> {
    return (await this.#look()).view;
  }

  async #look(): Promise<{ view: FleetView; open: ReturnType<typeof consuming> }> {
    const isFirst = this.#cleanLooks === 0;
    const answers = await this.#control.askAll("active_queues", {}, this.#present(), isFirst ? glance : patience);
    const open = consuming(answers);
    for (const node of answers.by.keys()) this.#hear(node, false);
    const nodes = [...answers.by.keys()];
    const { workers, doubts } = await this.#inspection.look(nodes);
    const { holdMs } = this.#options;
    const attempts = workers.flatMap((each) => attemptsOf(each, this.#options, holdMs, Date.now()));
    for (const { process, kind } of attempts) if (kind === "short") this.#hear(process, true);
    const processes: FleetProcess[] = [];
    for (const node of this.#heard.keys())
      processes.push(
        answers.by.has(node)
          ? toProcess(node, open.has(node))
          : await this.#absent(node, answers.asked === undefined ? undefined : answers.asked > nodes.length),
      );
    const allDoubts = [
      ...doubts,
      ...(await this.#strangers(answers.asked, nodes.length, open.size > 0)),
      ...workers.flatMap((each) => adviceOn(each, this.#options)),
      ...this.#nobody(),
      ...processes.filter(({ state }) => state === "silent").map(silence),
    ];
    const isClean =
      allDoubts.length === 0 &&
      processes.every(({ state }) => state === "closed" || state === "gone") &&
      attempts.every(({ kind }) => kind === "interruptible");
    this.#cleanLooks = isClean ? this.#cleanLooks + 1 : 0;
    const drained = this.#cleanLooks >= 2; // a message may have been on its way between two places at the first
    return { view: { drained, processes, attempts, doubts: [...new Set(allDoubts)] }, open };
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
    await this.#tenure.hold(ms, { evenLate: true });
    await this.#transport.sendLater(commandsToReopen(this.#closed), ms);
  }

  async adopt(): Promise<HeldBy | undefined> {
    const record = await this.#tenure.adopt();
    for (const { node } of this.#closed) this.#hear(node, false);
    return record;
  }

  async reopen(_outcome: Outcome): Promise<boolean> {
    if (!(await this.#tenure.isOurs())) return false;
    const closed = this.#closed;
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

  #hear(node: string, wasBusy: boolean): void {
    this.#heard.set(node, { at: performance.now(), wasBusy });
  }

  /** Those whose answer is worth waiting for. */
  #present(): string[] {
    return [...this.#heard].filter(([, { at }]) => performance.now() - at < leavingMs * 3).map(([node]) => node);
  }

  /** @param isAnyMissing whether the broker has reached more workers than have answered, where it says so */
  async #absent(node: string, isAnyMissing: boolean | undefined): Promise<FleetProcess> {
    const { at, wasBusy } = this.#heard.get(node) ?? { at: 0, wasBusy: false };
    const silentMs = performance.now() - at;
    const isConnected = (await this.#transport.isConnected(node)) ?? isAnyMissing;
    const mayFinish = wasBusy || silentMs < leavingMs;
    if (isConnected === false && !mayFinish) return { id: node, where: node, release: null, state: "gone" };
    const remark =
      isConnected === false
        ? wasBusy
          ? "it has left while tasks that must not be cut off were in it: killed, or still finishing them. Look there, and prepare again"
          : "it has just left"
        : "it does not answer remote control: a solo pool is busy, or its machine is stopped";
    return { id: node, where: node, release: null, state: "silent", remark };
  }

  /** Somebody is there who says nothing: the broker counts more than have answered. */
  async #strangers(asked: number | undefined, answered: number, isClosing: boolean): Promise<string[]> {
    if (asked !== undefined)
      return asked > answered
        ? [
            `${asked - answered} of ${asked} Celery workers at the broker have not answered: a solo pool is busy, or a machine is stopped.`,
          ]
        : [];
    if (isClosing) return [];
    const named = new URL(this.#options.address).searchParams.get("queues")?.split(",") ?? [];
    const queues = new Set([...named, ...this.#closed.flatMap((worker) => worker.queues.map(({ name }) => name))]);
    const doubts: string[] = [];
    for (const queue of queues) {
      const consumers = (await this.#transport.consumers(queue)) ?? 0;
      if (consumers > 0)
        doubts.push(
          `The queue ${queue} still has ${consumers} ${consumers === 1 ? "consumer" : "consumers"} that no answering worker has: a worker that is busy (solo pool), stopped, or without remote control.`,
        );
    }
    return doubts;
  }

  #nobody(): string[] {
    if (this.#heard.size > 0) return [];
    return [
      "No Celery worker has answered. Where workers run, their remote control is switched off (worker_enable_remote_control=False, or a pool that cannot answer), their control_exchange has another name (?control_exchange=NAME), or they use another broker or virtual host.",
    ];
  }
}

function toProcess(node: string, isOpen: boolean): FleetProcess {
  return { id: node, where: node, release: null, state: isOpen ? "open" : "closed" };
}

function silence({ id, remark = "" }: FleetProcess): string {
  return `Celery worker ${id}: ${remark}.`;
}
