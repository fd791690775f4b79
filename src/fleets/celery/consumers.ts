import {
  type ConsumedQueue,
  type Incarnation,
  isSameIncarnation,
  readActiveQueues,
  readIncarnation,
} from "./protocol/inspection.ts";
import type { PidboxCommand } from "./protocol/pidbox.ts";
import type { Answers, RemoteControl } from "./remote-control.ts";

/** A worker whose consumers we have cancelled: all that it takes to open them again. It stands in the broker. */
export interface ClosedWorker {
  readonly node: string;
  readonly incarnation: Incarnation;
  readonly queues: readonly ConsumedQueue[];
}

const patienceMs = 3_000;

/** Reads back what stands in the broker. */
export function closedWorkers(record: unknown): ClosedWorker[] {
  return Array.isArray(record) ? (record as ClosedWorker[]) : [];
}

/** Whoever consumes something now. */
export function consuming({ by }: Answers): Map<string, ConsumedQueue[]> {
  return new Map(
    [...by]
      .map(([node, answer]) => [node, answer === null ? [] : readActiveQueues(answer)] as const)
      .filter(([, queues]) => queues.length > 0),
  );
}

/** Adds workers and queues that consume to those that are closed, to be written down before they are closed. */
export async function withConsuming(
  control: RemoteControl,
  closed: readonly ClosedWorker[],
  open: ReadonlyMap<string, readonly ConsumedQueue[]>,
): Promise<ClosedWorker[]> {
  const { by: stats } = await control.ask("stats", {}, [...open.keys()], patienceMs);
  const merged = new Map(closed.map((worker) => [worker.node, worker]));
  for (const [node, queues] of open) {
    const before = merged.get(node);
    const incarnation = stats.has(node) ? readIncarnation(stats.get(node)) : (before?.incarnation ?? { pid: 0 });
    const isSame = before !== undefined && isSameIncarnation(before.incarnation, incarnation);
    merged.set(node, { node, incarnation, queues: isSame ? inOrder(before.queues, queues) : queues });
  }
  return [...merged.values()];
}

/** Over Redis the order of a worker's queues may be their priority (`queue_order_strategy`): it is kept. */
function inOrder(before: readonly ConsumedQueue[], now: readonly ConsumedQueue[]): ConsumedQueue[] {
  const known = new Set(before.map(({ name }) => name));
  const news = new Map(now.map((queue) => [queue.name, queue]));
  return [...before.map((queue) => news.get(queue.name) ?? queue), ...now.filter(({ name }) => !known.has(name))];
}

/** For so long a worker that has been told to cancel is not told again: some take a second or two. */
const obeysWithinMs = 3_000;

/** Cancels consumers. The answer comes before the effect: look at the active queues until they are gone. */
export class Cancelling {
  readonly #control: RemoteControl;
  readonly #told = new Map<string, number>();

  constructor(control: RemoteControl) {
    this.#control = control;
  }

  async cancel(open: ReadonlyMap<string, readonly ConsumedQueue[]>): Promise<void> {
    const now = performance.now();
    const byQueue = new Map<string, string[]>();
    for (const [node, queues] of open)
      for (const { name } of queues) {
        const key = JSON.stringify([node, name]);
        if (now - (this.#told.get(key) ?? Number.NEGATIVE_INFINITY) < obeysWithinMs) continue;
        this.#told.set(key, now);
        byQueue.set(name, [...(byQueue.get(name) ?? []), node]);
      }
    await Promise.all(
      [...byQueue].map(([queue, nodes]) => this.#control.ask("cancel_consumer", { queue }, nodes, patienceMs)),
    );
  }
}

/**
 * Opens exactly what was closed. A worker that has been started anew since then consumes what its release wants, and is left alone.
 * Answers with the workers that have not confirmed: they are gone, or will do it when they read their mailbox.
 */
export async function reopenConsumers(control: RemoteControl, closed: readonly ClosedWorker[]): Promise<string[]> {
  const { by: stats } = await control.ask(
    "stats",
    {},
    closed.map(({ node }) => node),
    patienceMs,
  );
  const same = closed.filter(
    ({ node, incarnation }) => !stats.has(node) || isSameIncarnation(incarnation, readIncarnation(stats.get(node))),
  );
  const present = same.filter(({ node }) => stats.has(node));
  const silent = same.filter(({ node }) => !stats.has(node));
  const unanswered = new Set(silent.map(({ node }) => node));
  await gone(control, present);
  for (const { method, arguments: given, destination } of commandsToReopen(present)) {
    const nodes = destination ?? [];
    const { by } = await control.ask(method, given, nodes, patienceMs);
    for (const node of nodes) if (!by.has(node)) unanswered.add(node);
    await appears(control, String(given.queue), [...by.keys()]); // workers do what has come meanwhile in any order
  }
  for (const { method, arguments: given, destination } of commandsToReopen(silent))
    await control.ask(method, given, destination ?? [], 0); // it waits in their mailboxes
  return [...unanswered];
}

/** A cancel that has been answered and not done yet could come after what opens again: that would be closed for good. */
async function gone(control: RemoteControl, workers: readonly ClosedWorker[]): Promise<void> {
  for (const until = performance.now() + patienceMs; performance.now() < until; ) {
    const nodes = workers.map(({ node }) => node);
    const open = consuming(await control.ask("active_queues", {}, nodes, patienceMs));
    const isClosed = ({ node, queues }: ClosedWorker) =>
      !queues.some(({ name }) => open.get(node)?.some((queue) => queue.name === name));
    if (workers.every(isClosed)) return;
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
}

/** Waits until they consume a queue: their answer comes before the effect. */
async function appears(control: RemoteControl, queue: string, nodes: readonly string[]): Promise<void> {
  for (const until = performance.now() + patienceMs; performance.now() < until; ) {
    const open = consuming(await control.ask("active_queues", {}, nodes, patienceMs));
    if (nodes.every((node) => open.get(node)?.some(({ name }) => name === queue))) return;
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
}

/** In the order of each worker's queues; workers that have the same ones are told together. */
export function commandsToReopen(closed: readonly ClosedWorker[]): PidboxCommand[] {
  const alike = new Map<string, { queues: readonly ConsumedQueue[]; nodes: string[] }>();
  for (const { node, queues } of closed) {
    const key = JSON.stringify(queues.map((each) => [each.name, each.exchange, each.exchangeType, each.routingKey]));
    const group = alike.get(key) ?? { queues, nodes: [] };
    group.nodes.push(node);
    alike.set(key, group);
  }
  return [...alike.values()].flatMap(({ queues, nodes }) =>
    queues.map(({ name, exchange, exchangeType, routingKey }) => ({
      method: "add_consumer",
      arguments: { queue: name, exchange, exchange_type: exchangeType, routing_key: routingKey },
      destination: nodes,
      ticket: "",
    })),
  );
}
