import type { NewJob } from "./enqueue.ts";

/** What workers are told of a lane: that it has work, or when it will have. */
export interface WakeUp {
  readonly lane: number;
  /** In so many milliseconds; 0: there is work. */
  readonly inMs: number;
}

/** What is due later than this, in milliseconds, is found in time by the workers' looks at all lanes, once a second. */
const soonMs = 2_000;
/** A notification holds 8,000 bytes. */
const most = 500;

/** Of each lane the soonest; lanes whose jobs are due much later are left out. */
export function wakeUpsFor(jobs: Iterable<Pick<NewJob, "lane" | "runAt">>): WakeUp[] {
  const soonest = new Map<number, number>();
  const now = Date.now();
  for (const { lane, runAt } of jobs) {
    const inMs = runAt === null ? 0 : Math.max(0, runAt.getTime() - now);
    if (inMs <= soonMs) soonest.set(lane, Math.min(inMs, soonest.get(lane) ?? inMs));
  }
  return [...soonest].map(([lane, inMs]) => ({ lane, inMs }));
}

/** As a notification carries them: `12,7+350`. Null where there is nothing to tell. */
export function toText(wakeUps: readonly WakeUp[]): string | null {
  if (wakeUps.length === 0) return null;
  return wakeUps
    .slice(0, most)
    .map(({ lane, inMs }) => (inMs > 0 ? `${lane}+${Math.ceil(inMs)}` : lane))
    .join(",");
}

/** What a notification says; what is none of ours is left out. */
export function fromText(payload: string): WakeUp[] {
  return payload.split(",").flatMap((one) => {
    const [lane = Number.NaN, inMs = 0] = one.split("+").map(Number);
    return Number.isInteger(lane) && lane > 0 && Number.isFinite(inMs) ? [{ lane, inMs }] : [];
  });
}
