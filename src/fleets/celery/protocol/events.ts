/** What workers tell about themselves without being asked, every two seconds by default (celery/worker/heartbeat.py). */
export interface WorkerEvent {
  readonly node: string;
  readonly isLeaving: boolean;
  /** Milliseconds to the next one. */
  readonly everyMs: number;
}

/** Undefined where it is another event, or written in another way than JSON. */
export function decodeWorkerEvent(body: string): WorkerEvent | undefined {
  const event = parsed(body);
  if (typeof event !== "object" || event === null) return undefined;
  const { type, hostname, freq } = event as Readonly<Record<string, unknown>>;
  if (typeof type !== "string" || !type.startsWith("worker-") || typeof hostname !== "string") return undefined;
  return {
    node: hostname,
    isLeaving: type === "worker-offline",
    everyMs: typeof freq === "number" && freq > 0 ? freq * 1_000 : 2_000,
  };
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
