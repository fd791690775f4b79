import { currentRevision } from "../contract/contract.ts";
import type { CheckedTask } from "./checked-task.ts";
import type { Trial } from "./conversions.ts";
import type { Effect, Finding } from "./finding.ts";
import { type LockedTask, lastRevision } from "./lockfile.ts";

/** What is said of upgrades and downgrades that failed on generated payloads, and of revisions that are new. */
export function conversionFindings(
  task: string,
  before: LockedTask | undefined,
  checked: CheckedTask,
  trials: readonly Trial[],
): Finding[] {
  const failed = trials.filter(({ failures }) => failures.length > 0).map((trial) => failureFinding(task, trial));
  return [...failed, ...newRevisions(task, before, checked)];
}

function failureFinding(task: string, trial: Trial): Finding {
  const { direction, revision, from, to, tried, failures } = trial;
  const [first] = failures;
  const share = failures.length === tried ? `all ${tried}` : `${failures.length} of ${tried}`;
  const isUpgrade = direction === "upgrade";
  return {
    rule: isUpgrade ? "upgrade-fails" : "downgrade-fails",
    // A downgrade may give up on what the older form cannot say: the job then waits for newer workers.
    severity: isUpgrade || failures.length === tried ? "breaking" : "warning",
    task,
    revision,
    title: `the ${direction} from revision ${from} to ${to} fails for ${share} generated payloads: ${first?.problem ?? ""}`,
    witness: first?.payload,
    effects: [isUpgrade ? upgradeEffect(from) : downgradeEffect()],
    oneDeploy: {
      does: `Mend the ${direction} of revision ${revision} so that it takes every payload of revision ${from} and returns one of revision ${to}. It fails for:`,
      code: `${JSON.stringify(first?.payload)}\n// ${first?.problem ?? ""}`,
    },
  };
}

function upgradeEffect(from: number): Effect {
  return {
    who: "new worker, old job",
    phases: ["during the deploy", "after the deploy"],
    what: `jobs of revision ${from} with such a payload are held as unreadable, and not run.`,
    breaks: true,
  };
}

function downgradeEffect(): Effect {
  return {
    who: "old worker, new job",
    phases: ["during the deploy", "after a rollback"],
    what: "new jobs with such a payload wait for workers of the new release; after a rollback they are stranded until it comes back.",
    breaks: true,
  };
}

function newRevisions(task: string, before: LockedTask | undefined, { contract }: CheckedTask): Finding[] {
  if (before === undefined) return [];
  const released = lastRevision(before);
  const added = contract.revisions.filter(({ number }) => number > released);
  const current = currentRevision(contract).number;
  if (added.length === 0) return [];
  const waits = added.find(({ downgrade }) => downgrade === undefined);
  const effect: Effect = waits
    ? {
        who: "old worker, new job",
        phases: ["during the deploy", "after a rollback"],
        what: `revision ${waits.number} has no downgrade, so jobs that new code enqueues wait for new workers. Nothing fails; after a rollback they are stranded until the new release is back.`,
        breaks: false,
      }
    : {
        who: "old worker, new job",
        phases: ["during the deploy", "after a rollback"],
        what: "the downgrade writes each new job for them as well, so they run it.",
        breaks: false,
      };
  return [
    {
      rule: "revision-added",
      severity: "note",
      task,
      revision: current,
      title: `revision ${current} is new; ${waits ? "old workers leave its jobs to new ones" : "it can be deployed at once, and rolled back"}`,
      effects: [
        {
          who: "new worker, old job",
          phases: ["during the deploy", "after the deploy"],
          what: `the upgrade brings jobs of revision ${released} to revision ${current}.`,
          breaks: false,
        },
        effect,
      ],
      ...(waits && {
        oneDeploy: {
          does: "Where old workers should run new jobs meanwhile, and after a rollback, add a downgrade to the revision:",
          code: "downgrade: (newer) => ({ /* the payload as the revision before has it */ }),",
        },
      }),
      phased: [
        {
          does: `Deploy revision ${current}. Workers first where its jobs should not wait.`,
          until: [
            { kind: "readers", task, revision: current },
            { kind: "no-writers", task, revisionsTo: released },
            { kind: "no-jobs", task, revisionsTo: released },
          ],
        },
        {
          does: `Drop what is before revision ${current} from the chain: .payload(schema, { revision: ${current} }). Deploy.`,
          until: [],
        },
      ],
    },
  ];
}
