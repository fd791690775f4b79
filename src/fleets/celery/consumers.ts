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
    const names = new Set(queues.map(({ name }) => name));
    const kept = isSame ? before.queues.filter(({ name }) => !names.has(name)) : [];
    merged.set(node, { node, incarnation, queues: [...kept, ...queues] });
  }
  return [...merged.values()];
}

/** Cancels them. The answer comes before the effect: look at the active queues until they are gone. */
export async function cancel(
  control: RemoteControl,
  open: ReadonlyMap<string, readonly ConsumedQueue[]>,
): Promise<void> {
  const byQueue = new Map<string, string[]>();
  for (const [node, queues] of open)
    for (const { name } of queues) byQueue.set(name, [...(byQueue.get(name) ?? []), node]);
  await Promise.all([...byQueue].map(([queue, nodes]) => control.ask("cancel_consumer", { queue }, nodes, patienceMs)));
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
  const unanswered = new Set<string>();
  await Promise.all(
    commandsToReopen(same).map(async ({ method, arguments: given, destination }) => {
      const nodes = destination ?? [];
      const silent = nodes.filter((node) => !stats.has(node));
      const { by } = await control.ask(method, given, nodes, silent.length === nodes.length ? 200 : patienceMs);
      for (const node of nodes) if (!by.has(node)) unanswered.add(node);
    }),
  );
  await confirm(control, same, stats);
  return [...unanswered];
}

/** Their answer comes before the effect. */
async function confirm(
  control: RemoteControl,
  closed: readonly ClosedWorker[],
  stats: ReadonlyMap<string, unknown>,
): Promise<void> {
  const present = closed.filter(({ node }) => stats.has(node));
  for (const until = performance.now() + patienceMs; performance.now() < until; ) {
    const nodes = present.map(({ node }) => node);
    const open = consuming(await control.ask("active_queues", {}, nodes, patienceMs));
    if (present.every(({ node, queues }) => open.get(node)?.length === queues.length)) return;
    await new Promise((resolve) => setTimeout(resolve, 100));
  }
}

/** One command for each queue, to all workers that consumed it in the same way. */
export function commandsToReopen(closed: readonly ClosedWorker[]): PidboxCommand[] {
  const commands = new Map<string, { queue: ConsumedQueue; nodes: string[] }>();
  for (const { node, queues } of closed)
    for (const queue of queues) {
      const key = JSON.stringify([queue.name, queue.exchange, queue.exchangeType, queue.routingKey]);
      const command = commands.get(key) ?? { queue, nodes: [] };
      command.nodes.push(node);
      commands.set(key, command);
    }
  return [...commands.values()].map(({ queue, nodes }) => ({
    method: "add_consumer",
    arguments: {
      queue: queue.name,
      exchange: queue.exchange,
      exchange_type: queue.exchangeType,
      routing_key: queue.routingKey,
    },
    destination: nodes,
    ticket: "",
  }));
}
