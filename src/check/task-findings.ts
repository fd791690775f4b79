import { currentRevision } from "../contract/contract.ts";
import type { CheckedTask } from "./checked-task.ts";
import type { Finding, Phase } from "./finding.ts";
import { type LockedTask, type Lockfile, lastRevision } from "./lockfile.ts";
import { schemaSource } from "./source/schema-source.ts";

/** What is said of tasks that came, went, or changed their name. */

export function addedFinding(task: string): Finding {
  return {
    rule: "task-added",
    severity: "note",
    task,
    title: "is new",
    effects: [
      {
        who: "old worker, new job",
        phases: ["during the deploy", "after a rollback"],
        what: "workers that do not know it leave its jobs alone: they wait for workers that do.",
        breaks: false,
      },
    ],
  };
}

export function deletedFinding(
  task: string,
  before: LockedTask,
  base: Lockfile,
  now: ReadonlyMap<string, CheckedTask>,
): Finding {
  const retired = before.retired === true;
  const likely = likelyNewName(before, base, now);
  const retire = "Put it back and retire it: nothing can enqueue it any more, and what is queued still runs.";
  return {
    rule: "task-deleted",
    severity: "breaking",
    task,
    title: `is gone from the code${retired ? ", after it was retired" : ""}${likely ? `; was it renamed to ${likely}?` : ""}`,
    effects: [
      {
        who: "new worker, old job",
        phases: ["during the deploy", "after the deploy"],
        what: "jobs of it that are queued, scheduled for later, held or failed, and its schedules, are known to no worker any more. They are stranded: not lost, and never run.",
        breaks: true,
      },
      ...(retired
        ? []
        : [
            {
              who: "old worker, new job" as const,
              phases: ["during the deploy" as const],
              what: "old web servers still enqueue it while the deploy goes on, and those jobs stay behind.",
              breaks: true,
            },
          ]),
    ],
    oneDeploy: retired
      ? {
          does: "You did the first half: it was retired. Delete it when production has no job of it left: npx taskmaster check --live, or npx taskmaster check --prune, says so.",
        }
      : {
          does: likely
            ? `If it was renamed to ${likely}, which takes the same payload, say so there, by .formerly("${task}") after .payload(…): it then runs what waits under the old name (check again for the phased way of a renaming). If it is to go, ${lowerFirst(retire)}`
            : retire,
          code: likely
            ? `// where it was renamed\n${formerly(task, likely, before)}\n\n// where it is to go\n${retiring(task, before)}`
            : retiring(task, before),
        },
    phased: deletion(task, retired),
  };
}

function retiring(task: string, before: LockedTask): string {
  return `task("${task}")\n  ${payloadOf(before)}\n  .retired()\n  .${before.kind ?? "short"}(async (payload) => { /* as it was */ })`;
}

function formerly(from: string, to: string, before: LockedTask): string {
  return `task("${to}")\n  ${payloadOf(before)}\n  .formerly("${from}")\n  .${before.kind ?? "short"}(async (payload) => { /* as it is */ })`;
}

function payloadOf(before: LockedTask): string {
  const schema = before.revisions[lastRevision(before)]?.schema;
  const source = schema === undefined ? undefined : schemaSource(schema, before.library);
  const revision = lastRevision(before) > 1 ? `, { revision: ${lastRevision(before)} }` : "";
  return `.payload(${source ?? "…"}${revision})`;
}

function lowerFirst(text: string): string {
  return text.charAt(0).toLowerCase() + text.slice(1);
}

/** Stop enqueueing it, wait until it has drained, delete it. */
export function deletion(task: string, retired: boolean): Phase[] {
  return [
    {
      does: retired
        ? `${task} is retired: deploy that everywhere.`
        : `Retire ${task}: add .retired(), and remove the calls that enqueue it and its schedules (the compiler shows them). Deploy.`,
      until: [
        { kind: "no-writers", task },
        { kind: "no-jobs", task },
      ],
    },
    { does: `Delete ${task}. Deploy.`, until: [] },
  ];
}

/** A new task with the very payload of the one that is gone. It is only asked about: nobody guesses names. */
function likelyNewName(before: LockedTask, base: Lockfile, now: ReadonlyMap<string, CheckedTask>): string | undefined {
  const form = JSON.stringify(before.revisions[lastRevision(before)]?.schema);
  const alike = [...now].filter(
    ([name, { locked }]) =>
      base.tasks[name] === undefined &&
      Object.values(locked.revisions).some(({ schema }) => JSON.stringify(schema) === form),
  );
  return alike.length === 1 ? alike[0]?.[0] : undefined;
}

export function renamedFinding(from: string, to: string, { contract }: CheckedTask): Finding {
  return {
    rule: "task-renamed",
    severity: "warning",
    task: to,
    title: `was ${from}, and still runs its jobs`,
    effects: [
      {
        who: "new worker, old job",
        phases: ["during the deploy", "after the deploy"],
        what: `.formerly("${from}") lets it run the jobs that wait under the old name.`,
        breaks: false,
      },
      {
        who: "old worker, new job",
        phases: ["during the deploy", "after a rollback"],
        what: `jobs under the new name are unknown to old workers: they wait for new ones, and are stranded after a rollback until the new release is back.`,
        breaks: false,
      },
    ],
    oneDeploy: { does: "It can be deployed at once where new jobs may wait until the first new worker is there." },
    phased: renaming(from, to, currentRevision(contract).number),
  };
}

function renaming(from: string, to: string, revision: number): Phase[] {
  return [
    {
      does: `Add ${to} with .formerly("${from}") to the workers and deploy them; callers stay on the old release, and enqueue ${from}.`,
      until: [{ kind: "readers", task: to, revision }],
    },
    {
      does: `Switch the callers to ${to}. Deploy them.`,
      until: [
        { kind: "no-writers", task: from },
        { kind: "no-jobs", task: from },
      ],
    },
    { does: `Remove .formerly("${from}") from ${to}. Deploy.`, until: [] },
  ];
}

export function formerNameDroppedFinding(task: string, formerName: string): Finding {
  return {
    rule: "former-name-dropped",
    severity: "breaking",
    task,
    title: `no longer answers to ${formerName}`,
    effects: [
      {
        who: "new worker, old job",
        phases: ["during the deploy", "after the deploy"],
        what: `jobs that still wait under ${formerName} are known to no worker: they are stranded.`,
        breaks: true,
      },
    ],
    oneDeploy: {
      does: `Keep the old name until its jobs are gone. Production says whether they are: npx taskmaster check --live, or npx taskmaster check --prune. Once none is left, dropping it is right.`,
      code: `.formerly("${formerName}")`,
    },
    phased: [
      {
        does: `Keep .formerly("${formerName}") and wait.`,
        until: [
          { kind: "no-writers", task: formerName },
          { kind: "no-jobs", task: formerName },
        ],
      },
      { does: "Remove it. Deploy.", until: [] },
    ],
  };
}

export function retiredFinding(task: string): Finding {
  return {
    rule: "task-retired",
    severity: "note",
    task,
    title: "is retired: it runs what is left, and can no longer be enqueued",
    effects: [
      {
        who: "everybody",
        phases: ["after the deploy"],
        what: "an enqueue of it is an error of the compiler, and TASKMASTER_TASK_RETIRED where the compiler was not asked.",
        breaks: false,
      },
    ],
    phased: deletion(task, true),
  };
}
