/** What a job of Sidekiq says of itself. */
type Job = Readonly<Record<string, unknown>>;

/** Undefined where it is no JSON. */
export function jobOf(text: string): Job | undefined {
  try {
    return JSON.parse(text) as Job;
  } catch {
    return undefined;
  }
}

/** The class of a job; of one of Active Job, the class that it wraps. */
export function nameOf(job: Job): string {
  return String(job.wrapped ?? job.class ?? "unknown");
}

/** As JSON text; of a job of Active Job, the arguments that it wraps. */
export function argumentsOf({ wrapped, args }: Job, text: string): string {
  const [first] = Array.isArray(args) ? (args as unknown[]) : [];
  if (wrapped === undefined || typeof first !== "object" || first === null) return text;
  return JSON.stringify((first as { arguments?: unknown }).arguments ?? []);
}

/** Before every key, where redis-namespace is used: `?namespace=NAME`. */
export function keyPrefixOf(address: string): string {
  const namespace = new URL(address).searchParams.get("namespace");
  return namespace === null ? "" : `${namespace}:`;
}
