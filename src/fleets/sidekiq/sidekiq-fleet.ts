import { RedisConnection } from "../../brokers/redis-connection.ts";
import { RedisFleet, type RedisFleetOptions } from "../../brokers/redis-side.ts";
import type { FleetProcess, FleetView, Outcome, RemoteFleet, RunningAttempt } from "../fleet.ts";
import { keyPrefixOf } from "./job.ts";
import { listProcesses, quietProcess, type SidekiqProcess, type SidekiqWork } from "./processes.ts";

const silentAfterMs = 30_000;

/**
 * Sidekiq's processes. To quiet them is the point of no return: open-source Sidekiq cannot take up work again, only a restart does. So they are quieted when all
 * short jobs that ran at the beginning have ended: a job that blocks the deploy is found out before.
 */
export class SidekiqFleet extends RedisFleet implements RemoteFleet {
  readonly #prefix: string;
  /** Short jobs that ran at the first look. */
  #first: ReadonlySet<string> | undefined;
  /** The heartbeat with which each has said that it is quiet: only what it writes with a later one is what still runs. */
  readonly #quietBeat = new Map<string, number>();

  private constructor(options: RedisFleetOptions, redis: RedisConnection) {
    const prefix = keyPrefixOf(options.address);
    super("sidekiq", { redis, options, record: `${prefix}taskmaster:gate:sidekiq`, lookEveryMs: 1_000 });
    this.#prefix = prefix;
  }

  /** @throws {BrokerUnreachableError | BrokerRefusedError} */
  static async open(options: RedisFleetOptions): Promise<SidekiqFleet> {
    return new SidekiqFleet(options, await RedisConnection.open(options.address));
  }

  async close(): Promise<void> {
    await this.take();
  }

  get #quieted(): readonly string[] {
    return Array.isArray(this.tenure.closed) ? (this.tenure.closed as string[]) : [];
  }

  async observe(): Promise<FleetView> {
    const processes = await listProcesses(this.redis, this.#prefix);
    const short = processes.flatMap(({ works }) =>
      works.filter((work) => this.kindOf(work.task, work.isInterruptible) === "short"),
    );
    this.#first ??= new Set(short.map(({ id }) => id));
    if (!short.some(({ id }) => this.#first?.has(id))) await this.#quiet(processes);
    return this.#view(processes);
  }

  async #quiet(processes: readonly SidekiqProcess[]): Promise<void> {
    const open = processes.filter(({ isQuiet, identity }) => !isQuiet && !this.#quieted.includes(identity));
    if (open.length === 0) return;
    await this.tenure.note([...this.#quieted, ...open.map(({ identity }) => identity)]);
    for (const { identity } of open) await quietProcess(this.redis, this.#prefix, identity);
  }

  async look(): Promise<FleetView> {
    return this.#view(await listProcesses(this.redis, this.#prefix));
  }

  #view(processes: readonly SidekiqProcess[]): FleetView {
    const attempts = processes.flatMap(({ identity, works }) => works.map((work) => this.#toAttempt(work, identity)));
    const seen = processes.map((each) => this.#toProcess(each));
    const doubts = [
      ...(processes.length === 0
        ? [
            "No Sidekiq process lives in this Redis. Another database: the number at the end of the address; redis-namespace: ?namespace=NAME.",
          ]
        : []),
      ...seen
        .filter(({ state }) => state === "silent")
        .map(({ id, remark }) => `Sidekiq process ${id}: ${remark ?? ""}.`),
    ];
    const drained =
      doubts.length === 0 &&
      seen.every(({ state }) => state === "closed") &&
      attempts.every(({ kind }) => kind === "interruptible");
    return { drained, processes: seen, attempts, doubts };
  }

  #toProcess({ identity, isQuiet, beat }: SidekiqProcess): FleetProcess {
    const at = { id: identity, where: identity, release: null };
    if (Date.now() - beat > silentAfterMs)
      return {
        ...at,
        state: "silent",
        remark: "it has sent no heartbeat for 30s: it is dead, stopped, or cannot reach Redis",
      };
    if (isQuiet && !this.#quietBeat.has(identity)) this.#quietBeat.set(identity, beat);
    const isClosed = isQuiet && beat > (this.#quietBeat.get(identity) ?? beat);
    return { ...at, state: isClosed ? "closed" : "open" };
  }

  #toAttempt(work: SidekiqWork, identity: string): RunningAttempt {
    const { id, task, since } = work;
    return {
      job: id,
      task,
      kind: this.kindOf(work.task, work.isInterruptible),
      process: identity,
      where: identity,
      since,
    };
  }

  /** What has been quieted and not restarted stays quiet: all that can be done is to say so. */
  async reopen(_outcome: Outcome): Promise<boolean> {
    const living = await listProcesses(this.redis, this.#prefix);
    this.remarks = living
      .filter(({ identity }) => this.#quieted.includes(identity))
      .map(
        ({ identity }) =>
          `Sidekiq process ${identity} is quiet and takes no job until it is restarted: send it TERM, and have its supervisor start it again.`,
      );
    return this.tenure.drop();
  }
}
