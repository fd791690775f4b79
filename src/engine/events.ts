import { channel } from "node:diagnostics_channel";

/**
 * The one stream of what happens: tests wait on it; logs, metrics and the command line listen to it. The product itself
 * prints nothing.
 *
 * @example
 * import { subscribe } from "node:diagnostics_channel";
 * subscribe("taskmaster", (event) => console.log(event));
 */
export type TaskmasterEvent =
  | { readonly event: "job.enqueued"; readonly jobs: readonly string[]; readonly task: string }
  | { readonly event: "rendition.skipped"; readonly task: string; readonly revision: number; readonly reason: string }
  | { readonly event: "job.claimed"; readonly jobs: readonly string[] }
  | {
      readonly event: "job.started";
      readonly job: string;
      readonly task: string;
      readonly revision: number;
      readonly delivery: number;
    }
  | {
      readonly event: "job.succeeded";
      readonly job: string;
      readonly task: string;
      readonly ranMs: number;
      readonly waitedMs: number;
    }
  | {
      readonly event: "job.retrying";
      readonly job: string;
      readonly task: string;
      readonly error: unknown;
      readonly inMs: number;
    }
  | { readonly event: "job.failed"; readonly job: string; readonly task: string; readonly error: unknown }
  | {
      readonly event: "job.held";
      readonly job: string;
      readonly task: string;
      readonly reason: string;
      readonly detail: string;
    }
  | { readonly event: "job.overrun"; readonly job: string; readonly task: string; readonly limitMs: number }
  | { readonly event: "job.stray-enqueue"; readonly job: string; readonly task: string; readonly child: string }
  | { readonly event: "job.interrupted"; readonly job: string; readonly task: string }
  | { readonly event: "job.handed-back"; readonly jobs: readonly string[] }
  | {
      readonly event: "job.suspended";
      readonly job: string;
      readonly task: string;
      readonly names: readonly string[];
    }
  | { readonly event: "event.signalled"; readonly name: string; readonly woken: readonly string[] }
  | { readonly event: "job.lost"; readonly job: string; readonly task: string; readonly during: string }
  | {
      readonly event: "checkpoint.unused";
      readonly job: string;
      readonly task: string;
      readonly names: readonly string[];
    }
  | { readonly event: "process.registered"; readonly process: number; readonly release: string }
  | {
      readonly event: "process.died";
      readonly process: number;
      readonly cause: string;
      readonly released: number;
      readonly held: number;
    }
  | { readonly event: "process.declared-dead"; readonly process: number }
  | { readonly event: "process.fenced"; readonly process: number; readonly silentMs: number }
  | {
      readonly event: "process.blocked";
      readonly process: number;
      readonly silentMs: number;
      readonly running: readonly string[];
    }
  | { readonly event: "process.stopped"; readonly process: number }
  | {
      readonly event: "gate.closed";
      readonly deploy: number;
      readonly process: number;
      readonly closes: "short" | "all";
      readonly handedBack: number;
    }
  | { readonly event: "gate.opened"; readonly deploy: number; readonly process: number }
  | { readonly event: "contract.changed"; readonly task: string; readonly revision: number; readonly verdict: string }
  | {
      readonly event: "last-reader.stopping";
      readonly process: number;
      readonly stranded: readonly { readonly task: string; readonly revision: number; readonly jobs: number }[];
    }
  | { readonly event: "schedule.fired"; readonly schedule: string; readonly tick: Date; readonly job: string }
  | {
      readonly event: "schedule.owned";
      readonly release: string;
      readonly schedules: readonly string[];
      readonly removed: readonly string[];
    }
  | { readonly event: "schema.migrated"; readonly from: number; readonly to: number }
  | { readonly event: "database.opened"; readonly kind: "given" | "embedded"; readonly where: string }
  | { readonly event: "database.degraded"; readonly missing: "sessions"; readonly why: string }
  | { readonly event: "database.lost"; readonly during: string; readonly error: unknown }
  | { readonly event: "database.back"; readonly during: string; readonly afterMs: number };

const stream = channel("taskmaster");

/** Whether anybody listens: for events of every job, which would cost something to make. */
export function isHeard(): boolean {
  return stream.hasSubscribers;
}

export function publish(event: TaskmasterEvent): void {
  if (stream.hasSubscribers) stream.publish(event);
}
