/** What a job of Resque says of itself. */
export interface ResquePayload {
  readonly class?: string;
  readonly args?: readonly unknown[];
}

/** The class of a job; of one of Active Job, the class that it wraps. */
export function nameOf(payload: ResquePayload | undefined): string {
  return String(wrapped(payload)?.job_class ?? payload?.class ?? "unknown");
}

/** Its arguments; of a job of Active Job, those that it wraps. */
export function argumentsOf(payload: ResquePayload): readonly unknown[] {
  return wrapped(payload)?.arguments ?? payload.args ?? [];
}

function wrapped(payload: ResquePayload | undefined) {
  const [first] = payload?.args ?? [];
  const job = first as { job_class?: unknown; arguments?: readonly unknown[] } | null | undefined;
  return typeof job === "object" && job?.job_class !== undefined ? job : undefined;
}

/** Before every key: `?namespace=NAME`. */
export function namespaceOf(address: string): string {
  return new URL(address).searchParams.get("namespace") ?? "resque";
}
