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
  /** Epoch milliseconds, of a task with an ETA: not before this. */
  readonly eta?: number;
}

/** What a worker says of a task of its own. The broker delivers those with `acksLate` again when their worker is killed in the middle. */
export interface RegisteredTask {
  readonly acksLate: boolean;
  /** Also when only the process of its pool is killed, and the worker acknowledges for it. */
  readonly rejectOnWorkerLost: boolean;
  /** How many may start in a second, at most. */
  readonly rateLimit?: number;
  /** The queue that it is sent to, where its declaration says so. */
  readonly queue?: string;
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

/** Each is `{ eta, priority, request }`. */
export function readScheduled(answer: unknown): CeleryTask[] {
  return list(answer).map((each) => ({ ...readTask(fields(each.request)), eta: readEta(each.eta) }));
}

/** The furthest that any zone is before UTC. */
const earliestZoneMs = 14 * 3_600_000;

/** ISO 8601. Without a zone (`enable_utc = False`) it is in the worker's, which we do not know: taken for the earliest that it can be. */
function readEta(eta: unknown): number {
  if (typeof eta === "number") return eta * 1_000;
  if (typeof eta !== "string") return Date.now();
  const hasZone = /(Z|[+-]\d\d:?\d\d)$/.test(eta);
  const at = hasZone ? Date.parse(eta) : Date.parse(`${eta}Z`) - earliestZoneMs;
  return Number.isNaN(at) ? Date.now() : at;
}

function readTask(task: Fields): CeleryTask {
  return {
    id: text(task.id),
    name: text(task.name ?? task.type),
    acknowledged: task.acknowledged === true,
    ...(typeof task.time_start === "number" && { startedAt: task.time_start * 1_000 }),
  };
}

/** What `inspect registered` is asked for. */
export const taskItems = ["acks_late", "reject_on_worker_lost", "rate_limit", "queue"];

/** Each is `name [acks_late=True rate_limit=10/m]`, the brackets only where an item is set. */
export function readRegistered(answer: unknown): ReadonlyMap<string, RegisteredTask> {
  if (!Array.isArray(answer)) throw unreadable(answer);
  return new Map(
    answer.map((line) => {
      const [, name = "", given = ""] = /^(\S+)(?: \[(.*)\])?$/.exec(text(line)) ?? [];
      const items = new Map(given.split(/ (?=[a-z_]+=)/).map((item) => splitOnce(item)));
      const rateLimit = perSecond(items.get("rate_limit") ?? "");
      const queue = items.get("queue");
      return [
        name,
        {
          acksLate: items.get("acks_late") === "True",
          rejectOnWorkerLost: items.get("reject_on_worker_lost") === "True",
          ...(rateLimit > 0 && { rateLimit }),
          ...(queue !== undefined && { queue }),
        },
      ];
    }),
  );
}

function splitOnce(item: string): [string, string] {
  const at = item.indexOf("=");
  return [item.slice(0, at), item.slice(at + 1)];
}

/** `10/m`, `0.5/s`, `100`: 0 where there is no limit. */
function perSecond(rate: string): number {
  const [, count = "0", unit = "s"] = /^([\d.]+)(?:\/([smh]))?$/.exec(rate) ?? [];
  return Number(count) / ({ s: 1, m: 60, h: 3_600 }[unit] ?? 1);
}

/** How many tasks of each name a worker has begun since it started. */
export function readTotals(stats: unknown): ReadonlyMap<string, number> {
  const { total } = fields(stats);
  return new Map(Object.entries(fields(total ?? {})).map(([name, count]) => [name, Number(count)]));
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
