/** What workers answer to `inspect` (celery/worker/control.py and request.py), in our words. Unknown shapes are errors: what cannot be read is not safe. */
export interface ConsumedQueue {
  readonly name: string;
  readonly exchange: string;
  readonly exchangeType: string;
  readonly routingKey: string;
}

export interface CeleryTask {
  readonly id: string;
  readonly name: string;
  /** Epoch milliseconds, or undefined where it has not started. */
  readonly startedAt?: number;
  /** A task that is acknowledged is not delivered again. */
  readonly acknowledged: boolean;
  /** Epoch milliseconds, of a task with an ETA. */
  readonly eta?: number;
}

/** Which tasks the broker delivers again when their worker is killed in the middle: those with both. */
export interface RegisteredTask {
  readonly acksLate: boolean;
  readonly rejectOnWorkerLost: boolean;
}

type Fields = Readonly<Record<string, unknown>>;

export function readActiveQueues(answer: unknown): ConsumedQueue[] {
  return list(answer).map((queue) => {
    const exchange = fields(queue.exchange ?? {});
    return {
      name: text(queue.name),
      exchange: text(exchange.name ?? ""),
      exchangeType: text(exchange.type ?? "direct"),
      routingKey: text(queue.routing_key ?? ""),
    };
  });
}

export function readTasks(answer: unknown): CeleryTask[] {
  return list(answer).map(readTask);
}

/** Each is `{ eta, priority, request }`; the ETA is ISO 8601, with the worker's zone or in UTC. */
export function readScheduled(answer: unknown): CeleryTask[] {
  return list(answer).map((each) => {
    const eta = typeof each.eta === "number" ? each.eta * 1_000 : Date.parse(text(each.eta));
    return { ...readTask(fields(each.request)), eta: Number.isNaN(eta) ? Date.now() : eta };
  });
}

function readTask(task: Fields): CeleryTask {
  return {
    id: text(task.id),
    name: text(task.name ?? task.type),
    acknowledged: task.acknowledged === true,
    ...(typeof task.time_start === "number" && { startedAt: task.time_start * 1_000 }),
  };
}

/** Each is `name [acks_late=True reject_on_worker_lost=None]`, the brackets only where an item is set. */
export function readRegistered(answer: unknown): ReadonlyMap<string, RegisteredTask> {
  if (!Array.isArray(answer)) throw unreadable(answer);
  return new Map(
    answer.map((line) => {
      const [, name = "", items = ""] = /^(\S+)(?: \[(.*)\])?$/.exec(text(line)) ?? [];
      const isOn = (item: string) => new RegExp(`(^|[ ,])${item}=True\\b`).test(items);
      return [name, { acksLate: isOn("acks_late"), rejectOnWorkerLost: isOn("reject_on_worker_lost") }];
    }),
  );
}

/** The process behind a node's name: a restarted worker has another pid, and in a container another start. */
export interface Incarnation {
  readonly pid: number;
  /** Epoch milliseconds, give or take a second. Celery says since 5.0 for how long it has been up. */
  readonly startedAt?: number;
}

export function readIncarnation(stats: unknown): Incarnation {
  const { pid, uptime } = fields(stats);
  return {
    pid: typeof pid === "number" ? pid : 0,
    ...(typeof uptime === "number" && { startedAt: Date.now() - uptime * 1_000 }),
  };
}

export function isSameIncarnation(one: Incarnation, other: Incarnation): boolean {
  if (one.pid !== other.pid) return false;
  return Math.abs((one.startedAt ?? 0) - (other.startedAt ?? one.startedAt ?? 0)) < 5_000;
}

function list(answer: unknown): Fields[] {
  if (!Array.isArray(answer)) throw unreadable(answer);
  return answer.map(fields);
}

function fields(value: unknown): Fields {
  if (typeof value !== "object" || value === null) throw unreadable(value);
  return value as Fields;
}

function text(value: unknown): string {
  if (typeof value !== "string") throw unreadable(value);
  return value;
}

function unreadable(value: unknown): TypeError {
  return new TypeError(`it answered what Taskmaster cannot read: ${JSON.stringify(value)?.slice(0, 200)}`);
}
