import { type RegisteredTask, readRegistered, readScheduled, readTasks } from "./protocol/inspection.ts";
import type { RemoteControl } from "./remote-control.ts";
import type { WorkerTasks } from "./verdict.ts";

const patienceMs = 3_000;

interface Look {
  readonly workers: readonly WorkerTasks[];
  /** What could not be asked or read. */
  readonly doubts: readonly string[];
}

/** Asks workers what they have. What they registered is asked once each time a worker appears. */
export class Inspection {
  readonly #control: RemoteControl;
  readonly #registered = new Map<string, ReadonlyMap<string, RegisteredTask>>();

  constructor(control: RemoteControl) {
    this.#control = control;
  }

  async look(nodes: readonly string[]): Promise<Look> {
    const doubts: string[] = [];
    await this.#learn(nodes);
    const scheduled = await this.#control.ask("scheduled", {}, nodes, patienceMs);
    const reserved = await this.#control.ask("reserved", {}, nodes, patienceMs);
    const active = await this.#control.ask("active", { safe: true }, nodes, patienceMs);
    const workers: WorkerTasks[] = [];
    for (const node of nodes) {
      const registered = this.#registered.get(node);
      if (registered === undefined || !scheduled.by.has(node) || !reserved.by.has(node) || !active.by.has(node)) {
        doubts.push(`Celery worker ${node} has stopped answering in the middle of a look.`);
        continue;
      }
      try {
        workers.push({
          node,
          scheduled: readScheduled(scheduled.by.get(node)),
          reserved: readTasks(reserved.by.get(node)),
          active: readTasks(active.by.get(node)),
          registered,
        });
      } catch (error) {
        doubts.push(`Celery worker ${node}: ${error instanceof Error ? error.message : String(error)}.`);
      }
    }
    return { workers, doubts };
  }

  async #learn(nodes: readonly string[]): Promise<void> {
    const unknown = nodes.filter((node) => !this.#registered.has(node));
    const items = { taskinfoitems: ["acks_late", "reject_on_worker_lost"], builtins: true };
    const { by } = await this.#control.ask("registered", items, unknown, patienceMs);
    for (const [node, answer] of by) this.#registered.set(node, readRegistered(answer));
  }
}
