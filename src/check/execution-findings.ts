import { formatMilliseconds } from "../contract/duration.ts";
import type { Effect, Finding } from "./finding.ts";
import type { LockedTask } from "./lockfile.ts";

/** What is said of a task that runs otherwise than before: its kind, its limits, its queue. */
export function executionFindings(task: string, before: LockedTask, now: LockedTask): Finding[] {
  const found: Finding[] = [];
  if (now.queue !== before.queue) found.push(queueMoved(task, before.queue, now.queue));
  if (now.retired && !before.retired) return found;
  if (before.kind !== undefined && now.kind === undefined) found.push(functionRemoved(task));
  if (before.kind === "short" && now.kind === "interruptible") found.push(becameInterruptible(task));
  if (before.kind === "interruptible" && now.kind === "short") found.push(becameShort(task, now.timeLimitMs ?? 0));
  const { timeLimitMs: was } = before;
  if (was !== undefined && now.timeLimitMs !== undefined && now.timeLimitMs < was)
    found.push(timeLimitLowered(task, was, now.timeLimitMs));
  if (before.attempts !== undefined && now.attempts !== undefined && now.attempts < before.attempts)
    found.push(attemptsLowered(task, before.attempts, now.attempts));
  if (before.afterCrash === "hold" && now.afterCrash === "retry") found.push(crashRetried(task));
  return found;
}

function functionRemoved(task: string): Finding {
  return {
    rule: "function-removed",
    severity: "breaking",
    task,
    title: "has lost its function: only its contract is left in the code",
    effects: [
      {
        who: "new worker, old job",
        phases: ["during the deploy", "after the deploy"],
        what: "no worker of this code runs its jobs: those that wait and those to come are stranded.",
        breaks: true,
      },
    ],
    oneDeploy: {
      does: "Does another program run it? Then name its files too: --tasks worker/tasks.ts. If the task is to go, retire it and keep its function until its jobs are gone:",
      code: ".retired()\n.short(async (payload) => { /* as it was */ })",
    },
  };
}

function becameInterruptible(task: string): Finding {
  return {
    rule: "became-interruptible",
    severity: "warning",
    task,
    title: "was short and is now interruptible: from now on a deploy cuts it off, and it runs again from its beginning",
    effects: [
      {
        who: "everybody",
        phases: ["after the deploy"],
        what: "whatever it does outside a step (a mail, a payment, a call of another service) is done twice when it is cut off in between. A crash no longer holds its job for a person: it runs again.",
        breaks: true,
      },
      {
        who: "old worker, new job",
        phases: ["during the deploy"],
        what: "what old workers run is still short for them: the deploy waits for it, once more.",
        breaks: false,
      },
    ],
    oneDeploy: {
      does: "Right where every part of it may run twice. Otherwise leave it short, and let it enqueue an interruptible task for the long part:",
      code: `.short(async (payload) => { /* the part that must not be repeated */ })`,
    },
    phased: [
      {
        does: "Make every effect of the function safe to repeat (an idempotency key, an upsert, a check before). Deploy it, still short.",
        until: [],
      },
      { does: "Make it interruptible. Deploy.", until: [] },
    ],
  };
}

function becameShort(task: string, timeLimitMs: number): Finding {
  const limit = formatMilliseconds(timeLimitMs);
  return {
    rule: "became-short",
    limitMs: timeLimitMs,
    severity: "warning",
    task,
    title: `was interruptible and is now short: it may take ${limit} at most, and every deploy waits for it`,
    effects: [
      {
        who: "new worker, old job",
        phases: ["during the deploy", "after the deploy"],
        what: `an attempt that takes longer than ${limit} is recorded as overrun, and fails. A job whose worker dies is held for a person instead of running again.`,
        breaks: true,
      },
    ],
    oneDeploy: {
      does: `Right where no run takes ${limit}: npx taskmaster check --live compares it with what runs took. Otherwise leave it interruptible, or split it into shorter tasks.`,
    },
  };
}

function timeLimitLowered(task: string, was: number, now: number): Finding {
  const [from, to] = [formatMilliseconds(was), formatMilliseconds(now)];
  return {
    rule: "time-limit-lowered",
    limitMs: now,
    severity: "warning",
    task,
    title: `its time limit was lowered from ${from} to ${to}`,
    effects: [
      {
        who: "new worker, old job",
        phases: ["during the deploy", "after the deploy"],
        what: `an attempt that takes between ${to} and ${from} succeeded until now, and is an overrun from now on.`,
        breaks: true,
      },
    ],
    oneDeploy: {
      does: "Right where no run takes that long: npx taskmaster check --live compares the limit with what runs took.",
    },
  };
}

function attemptsLowered(task: string, was: number, now: number): Finding {
  return {
    rule: "attempts-lowered",
    severity: "note",
    task,
    title: `its attempts were lowered from ${was} to ${now}`,
    effects: [
      {
        who: "new worker, old job",
        phases: ["after the deploy"],
        what: `a job that has failed ${now} times or more, and is waiting for its next attempt, has only that one left.`,
        breaks: false,
      },
    ],
  };
}

function crashRetried(task: string): Finding {
  return {
    rule: "crash-retried",
    severity: "warning",
    task,
    title: 'has afterCrash: "retry" now: a job whose worker died in the middle runs again by itself',
    effects: [
      {
        who: "everybody",
        phases: ["after the deploy"],
        what: "nobody knows how far such a job came. What it did (a mail, a payment) may be done twice.",
        breaks: true,
      },
    ],
    oneDeploy: { does: 'Right where it may safely run twice. Otherwise leave it at "hold".' },
  };
}

function queueMoved(task: string, from: string, to: string): Finding {
  const stay: Effect = {
    who: "new worker, old job",
    phases: ["during the deploy", "after the deploy"],
    what: `jobs that are already queued stay in the queue ${from}. Some worker has to go on working it until they are gone.`,
    breaks: true,
  };
  return {
    rule: "queue-moved",
    severity: "warning",
    task,
    title: `moved from queue ${from} to queue ${to}`,
    effects: [
      stay,
      {
        who: "old worker, new job",
        phases: ["during the deploy", "after a rollback"],
        what: `new jobs wait in the queue ${to}. Workers that are started for named queues and not for ${to} do not see them.`,
        breaks: true,
      },
    ],
    oneDeploy: {
      does: `Safe at once where workers work all queues. Where they name theirs, start them for both:`,
      code: `npx taskmaster work --queue ${from} --queue ${to}`,
    },
    phased: [
      {
        does: `Start workers for the queue ${to} as well: npx taskmaster work --queue ${from} --queue ${to}`,
        until: [{ kind: "queue-worked", task, queue: to }],
      },
      { does: `Move the task to the queue ${to}. Deploy.`, until: [{ kind: "queue-empty", task, queue: from }] },
      { does: `Stop working the queue ${from}, where nothing else uses it.`, until: [] },
    ],
  };
}
