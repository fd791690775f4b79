import { formatMilliseconds } from "../contract/duration.ts";
import type { TaskRecord } from "../engine/audit.ts";
import type { TaskDurations } from "../engine/durations.ts";

/** One thing about a task that makes deploys slower or less safe than they could be. */
export interface Finding {
  readonly task: string;
  readonly rule:
    | "over-limit"
    | "near-limit"
    | "blocks-deploys"
    | "lengthens-deploys"
    | "never-interrupted"
    | "stray-children"
    | "held-after-crash";
  readonly severity: "warning" | "note";
  readonly message: string;
  readonly advice: string;
}

/** A 99th percentile from this share of the time limit on is near it. */
const nearShare = 0.7;
/** Fewer runs say nothing about a percentile. */
const fewestRuns = 20;
/** A task that has been there for less time may simply not have met a deploy. */
const youngMs = 7 * 24 * 3_600_000;

const shorten =
  "Optimise its queries, split it into a chain of shorter jobs, gather first and write in one short transaction at the end, or make it interruptible.";

/** What the record says against tasks, the gravest first. */
export function audit(
  records: readonly TaskRecord[],
  durations: readonly TaskDurations[],
  now = Date.now(),
): Finding[] {
  const usual = new Map(durations.map((each) => [each.task, each]));
  const findings = records.flatMap((record) => [
    ...limits(record, usual.get(record.task)),
    ...deploys(record),
    ...interruptions(record, now),
    ...strays(record),
    ...crashes(record),
  ]);
  return findings.sort((a, b) => Number(b.severity === "warning") - Number(a.severity === "warning"));
}

function limits({ task, timeLimitMs, overruns }: TaskRecord, durations: TaskDurations | undefined): Finding[] {
  if (timeLimitMs === null) return [];
  const limit = formatMilliseconds(timeLimitMs);
  if (overruns > 0 || (durations !== undefined && durations.longest > timeLimitMs))
    return [
      {
        task,
        rule: "over-limit",
        severity: "warning",
        message: `Attempts have passed its time limit of ${limit}${overruns > 0 ? ` (${overruns} on record)` : ""}${durations ? `; its longest run took ${formatMilliseconds(durations.longest)}` : ""}.`,
        advice: `Pass ctx.signal on to what it calls, so that it ends in time. ${shorten}`,
      },
    ];
  if (durations === undefined || durations.runs < fewestRuns || durations.p99 < timeLimitMs * nearShare) return [];
  return [
    {
      task,
      rule: "near-limit",
      severity: "warning",
      message: `One run in a hundred takes ${formatMilliseconds(Math.round(durations.p99))} or longer, of a time limit of ${limit}.`,
      advice: shorten,
    },
  ];
}

function deploys({ task, blocked, lengthened, deploys: all }: TaskRecord): Finding[] {
  if (blocked > 0)
    return [
      {
        task,
        rule: "blocks-deploys",
        severity: "warning",
        message: `${blocked} of ${all} deploys were given up while it ran.`,
        advice: shorten,
      },
    ];
  if (lengthened < 3 || lengthened < all / 10) return [];
  return [
    {
      task,
      rule: "lengthens-deploys",
      severity: "note",
      message: `${lengthened} of ${all} deploys waited for it the longest.`,
      advice: shorten,
    },
  ];
}

function interruptions({ task, kind, interruptions: times, firstSeen }: TaskRecord, now: number): Finding[] {
  if (kind !== "interruptible" || times > 0 || now - firstSeen.getTime() < youngMs) return [];
  return [
    {
      task,
      rule: "never-interrupted",
      severity: "note",
      message: "It is declared interruptible, and has never once been interrupted: nobody knows whether it may be.",
      advice: "Run it twice in a test and compare what it leaves. If it is always over in a moment, make it short.",
    },
  ];
}

function strays({ task, kind, strays: children }: TaskRecord): Finding[] {
  if (kind !== "interruptible" || children.length === 0) return [];
  return [
    {
      task,
      rule: "stray-children",
      severity: "warning",
      message: `It was seen to enqueue ${children.join(", ")} directly: interrupted and run again, it enqueues ${children.length === 1 ? "it" : "them"} again.`,
      advice:
        "Enqueue through its context (ctx.enqueue), which writes its children with its completion; or with a key.",
    },
  ];
}

function crashes({ task, kind, afterCrash, heldAfterCrash }: TaskRecord): Finding[] {
  if (heldAfterCrash === 0) return [];
  return [
    {
      task,
      rule: "held-after-crash",
      severity: "warning",
      message: `${heldAfterCrash} ${heldAfterCrash === 1 ? "job is" : "jobs are"} held because their worker died.`,
      advice:
        kind === "short" && afterCrash === "hold"
          ? `Look at them: npx taskmaster jobs list --task ${task} --state held. If it may safely run twice, declare afterCrash: "retry".`
          : `It has killed its worker more than once. Look at one: npx taskmaster jobs list --task ${task} --state held.`,
    },
  ];
}
