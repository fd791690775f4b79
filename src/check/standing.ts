import { currentRevision } from "../contract/contract.ts";
import type { CheckedTask } from "./checked-task.ts";
import type { Condition, Phase } from "./finding.ts";
import { deletion } from "./task-findings.ts";

/**
 * What stands in the code for the sake of jobs and processes of older releases: upgrades, downgrades, former names and retired tasks. Each
 * of them may go some day, and production knows whether that day has come.
 */
export interface Standing {
  readonly kind: "revisions" | "downgrades" | "former-name" | "retired-task";
  readonly task: string;
  /** Such as `revisions 1 to 2 and their upgrades`. */
  readonly what: string;
  /** What must hold before it may go. */
  readonly until: readonly Condition[];
  /** What remains to be done, deploy by deploy. */
  readonly phases: readonly Phase[];
}

export function standingOf(tasks: ReadonlyMap<string, CheckedTask>): Standing[] {
  return [...tasks].flatMap(([task, checked]) => [
    ...olderRevisions(task, checked),
    ...formerNames(task, checked),
    ...(checked.locked.retired ? [retired(task)] : []),
  ]);
}

function olderRevisions(task: string, { contract }: CheckedTask): Standing[] {
  const [first, current] = [contract.revisions[0].number, currentRevision(contract).number];
  if (first === current) return [];
  const last = current - 1;
  const readers: Condition = { kind: "readers", task, revision: current };
  const drained: readonly Condition[] = [
    { kind: "no-writers", task, revisionsTo: last },
    { kind: "no-jobs", task, revisionsTo: last },
  ];
  const which =
    first === last ? `revision ${first} and its upgrade` : `revisions ${first} to ${last} and their upgrades`;
  const revisions: Standing = {
    kind: "revisions",
    task,
    what: which,
    until: drained,
    phases: [
      { does: `Deploy revision ${current} to the workers.`, until: [readers] },
      { does: `Deploy revision ${current} to what enqueues.`, until: drained },
      {
        does: `Drop ${which}: begin the chain with revision ${current}. Deploy.`,
        code: `.payload(schema, { revision: ${current} })`,
        until: [],
      },
    ],
  };
  const hasDowngrade = contract.revisions.some(({ downgrade }) => downgrade !== undefined);
  if (!hasDowngrade) return [revisions];
  return [revisions, { kind: "downgrades", task, what: "its downgrades", until: [readers], phases: [] }];
}

function formerNames(task: string, { contract }: CheckedTask): Standing[] {
  return contract.formerNames.map((name) => {
    const until: readonly Condition[] = [
      { kind: "no-writers", task: name },
      { kind: "no-jobs", task: name },
    ];
    return {
      kind: "former-name",
      task,
      what: `.formerly("${name}")`,
      until,
      phases: [
        {
          does: `Deploy ${task} to the workers.`,
          until: [{ kind: "readers", task, revision: currentRevision(contract).number }],
        },
        { does: `Let every caller enqueue ${task} and none ${name}. Deploy.`, until },
        { does: `Remove .formerly("${name}") from ${task}. Deploy.`, until: [] },
      ],
    };
  });
}

function retired(task: string): Standing {
  const phases = deletion(task, true);
  return { kind: "retired-task", task, what: "the retired task itself", until: phases[0]?.until ?? [], phases };
}
