import { type QueueName, readConfiguration, type WorkerConfiguration } from "./protocol/configuration.ts";
import {
  type Incarnation,
  isSameIncarnation,
  type RegisteredTask,
  readIncarnation,
  readRegistered,
  readScheduled,
  readTasks,
  readTotals,
  taskItems,
} from "./protocol/inspection.ts";
import type { RemoteControl } from "./remote-control.ts";
import type { WorkerTasks } from "./verdict.ts";

const patienceMs = 3_000;

interface Look {
  readonly workers: readonly WorkerTasks[];
  /** What could not be asked or read. */
  readonly doubts: readonly string[];
}

/** What does not change while a worker lives. */
interface Learned {
  readonly incarnation: Incarnation;
  readonly registered: ReadonlyMap<string, RegisteredTask>;
  readonly configuration: WorkerConfiguration;
}

/** Asks workers what they have. What they are is asked once, and again when another process has their name. */
export class Inspection {
  readonly #control: RemoteControl;
  readonly #learned = new Map<string, Learned>();

  constructor(control: RemoteControl) {
    this.#control = control;
  }

  /** Every queue that an app of theirs names, and so some worker of it may consume. */
  get queues(): ReadonlySet<QueueName> {
    return new Set(
      [...this.#learned.values()].flatMap(({ configuration, registered }) => [
        ...configuration.queues,
        ...[...registered.values()].flatMap(({ queue }) => queue ?? []),
      ]),
    );
  }

  /** The exchanges on which their events are sent. */
  get eventExchanges(): ReadonlySet<string> {
    return new Set([...this.#learned.values()].map(({ configuration }) => configuration.eventExchange));
  }

  async look(nodes: readonly string[]): Promise<Look> {
    const doubts: string[] = [];
    const scheduled = await this.#control.ask("scheduled", {}, nodes, patienceMs);
    const reserved = await this.#control.ask("reserved", {}, nodes, patienceMs);
    const active = await this.#control.ask("active", { safe: true }, nodes, patienceMs);
    const stats = await this.#control.ask("stats", {}, nodes, patienceMs);
    await this.#learn(stats.by);
    const workers: WorkerTasks[] = [];
    for (const node of nodes) {
      const learned = this.#learned.get(node);
      if (learned === undefined || [scheduled, reserved, active, stats].some(({ by }) => !by.has(node))) {
        doubts.push(`Celery worker ${node} has stopped answering in the middle of a look.`);
        continue;
      }
      try {
        workers.push({
          node,
          scheduled: readScheduled(scheduled.by.get(node)),
          reserved: readTasks(reserved.by.get(node)),
          active: readTasks(active.by.get(node)),
          registered: learned.registered,
          totals: readTotals(stats.by.get(node)),
        });
      } catch (error) {
        doubts.push(`Celery worker ${node}: ${error instanceof Error ? error.message : String(error)}.`);
      }
    }
    return { workers, doubts };
  }

  async #learn(stats: ReadonlyMap<string, unknown>): Promise<void> {
    const incarnations = new Map([...stats].map(([node, answer]) => [node, readIncarnation(answer)]));
    const unknown = [...incarnations]
      .filter(([node, incarnation]) => {
        const before = this.#learned.get(node);
        return before === undefined || !isSameIncarnation(before.incarnation, incarnation);
      })
      .map(([node]) => node);
    const [registered, configuration] = await Promise.all([
      this.#control.ask("registered", { taskinfoitems: taskItems, builtins: true }, unknown, patienceMs),
      this.#control.ask("conf", {}, unknown, patienceMs),
    ]);
    for (const node of unknown) {
      const incarnation = incarnations.get(node);
      if (incarnation === undefined || !registered.by.has(node) || !configuration.by.has(node)) continue;
      this.#learned.set(node, {
        incarnation,
        registered: readRegistered(registered.by.get(node)),
        configuration: readConfiguration(configuration.by.get(node)),
      });
    }
  }
}
