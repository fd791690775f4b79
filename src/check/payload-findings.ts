import { currentRevision } from "../contract/contract.ts";
import type { CheckedTask } from "./checked-task.ts";
import type { Effect, Finding, Phase } from "./finding.ts";
import type { LockedRevision, LockedTask } from "./lockfile.ts";
import { payloadDiff } from "./payload-diff.ts";
import { fieldsInWords } from "./payload-words.ts";
import { type RevisionChange, revisionCode } from "./revision-code.ts";
import { schemaSource } from "./source/schema-source.ts";

/** What is said of a revision whose payload is not what it was under the same number. */

/** @param name the task's present name */
export function payloadFindings(
  name: string,
  before: LockedTask,
  { contract, locked }: CheckedTask,
  unchanged: ReadonlySet<number>,
  libraryMoved: string | undefined,
): Finding[] {
  const current = currentRevision(contract).number;
  return Object.entries(before.revisions).flatMap(([number, released]) => {
    const revision = Number(number);
    const now = locked.revisions[number];
    if (now === undefined || unchanged.has(revision)) return [];
    const diff = payloadDiff(released.schema, now.schema);
    if (diff.comparison.equivalent) return [];
    const change = {
      task: name,
      library: locked.library,
      revision,
      isFirst: revision === contract.revisions[0].number,
      older: released.schema,
      newer: now.schema,
      diff,
    };
    return [payloadFinding(change, released, revision === current, libraryMoved)];
  });
}

function payloadFinding(
  change: RevisionChange,
  released: LockedRevision,
  isCurrent: boolean,
  libraryMoved: string | undefined,
): Finding {
  const { task, revision, diff } = change;
  const { backward, forward } = diff.comparison;
  const verdicts = [backward.verdict, forward.verdict];
  const breaks = verdicts.includes("no");
  const unproven = verdicts.includes("unknown");
  const witness = backward.witness ?? forward.witness;
  const words = fieldsInWords(diff);
  const moved = libraryMoved === undefined ? "" : ` (${libraryMoved}: where you have not touched it, the update did)`;
  return {
    rule: breaks ? "payload-changed" : unproven ? "payload-unproven" : "payload-ignored",
    severity: breaks || unproven ? "breaking" : "warning",
    task,
    revision,
    title: `${words} in revision ${revision}, which is already released${breaks || unproven ? "" : "; nothing fails"}${moved}`,
    effects: effectsOf(change, isCurrent),
    changes: diff.changes,
    ...(witness !== undefined && { witness }),
    oneDeploy: isCurrent ? asRevision(change, !breaks && !unproven) : putBack(change, released),
    ...(isCurrent && { phased: breaks || unproven ? phases(change) : readFirst(change) }),
  };
}

function effectsOf({ task, revision, diff }: RevisionChange, isCurrent: boolean): Effect[] {
  const { backward, forward } = diff.comparison;
  const refused: Effect[] =
    backward.verdict === "no" || forward.verdict === "no"
      ? [
          {
            who: "every new process",
            phases: ["at the start"],
            what: `it refuses to start (TASKMASTER_CONTRACT_CONTRADICTION), because revision ${revision} of ${task} means something else in production. That is what protects the jobs from what follows.`,
            breaks: true,
          },
        ]
      : [];
  const old: Effect[] = [];
  if (backward.verdict === "no")
    old.push({
      who: "new worker, old job",
      phases: ["during the deploy", "after the deploy"],
      what: `jobs that are already queued, or that old code still enqueues, are refused, such as ${shown(backward.witness)}. They would be held, and not run.`,
      breaks: true,
    });
  else if (backward.verdict === "unknown") old.push(unknown("new worker, old job", "some queued jobs are refused"));
  else if (backward.drops)
    old.push({
      who: "new worker, old job",
      phases: ["during the deploy", "after the deploy"],
      what: `the new code ignores ${quoted(diff.removed.map(({ name }) => name))} in jobs that are already queued. They run, and what was meant by it is lost.`,
      breaks: false,
    });
  if (!isCurrent) return [...refused, ...old];
  const young: Effect[] = [];
  if (forward.verdict === "no")
    young.push({
      who: "old worker, new job",
      phases: ["during the deploy", "after a rollback"],
      what: `jobs that new code enqueues are refused by workers that have not been replaced yet, such as ${shown(forward.witness)}.`,
      breaks: true,
    });
  else if (forward.verdict === "unknown") young.push(unknown("old worker, new job", "some new jobs are refused"));
  else if (forward.drops)
    young.push({
      who: "old worker, new job",
      phases: ["during the deploy", "after a rollback"],
      what: `old code ignores ${quoted(diff.added.map(({ name }) => name))} in jobs that new code enqueues. They run, without it.`,
      breaks: false,
    });
  if (backward.verdict === "yes" && forward.verdict === "yes" && !backward.drops && !forward.drops)
    young.push({
      who: "everybody",
      phases: ["during the deploy"],
      what: "a default differs: a payload that leaves the field out means one thing to old code and another to new code.",
      breaks: false,
    });
  return [...refused, ...old, ...young];
}

function unknown(who: Effect["who"], what: string): Effect {
  return {
    who,
    phases:
      who === "new worker, old job"
        ? ["during the deploy", "after the deploy"]
        : ["during the deploy", "after a rollback"],
    what: `whether ${what} cannot be proved either way, so take it that they are.`,
    breaks: true,
  };
}

function shown(witness: unknown): string {
  const text = JSON.stringify(witness) ?? "";
  return text.length > 200 ? `${text.slice(0, 200)}…` : text;
}

function quoted(names: readonly string[]): string {
  return names.length === 0 ? "a part of it" : names.map((name) => `\`${name}\``).join(", ");
}

function asRevision(change: RevisionChange, mayStay: boolean) {
  const { revision, diff, isFirst } = change;
  const place = isFirst ? ".payload(…)" : `the .revise(…) of revision ${revision}`;
  const guess = diff.renamed
    ? ` It is written for a field \`${diff.renamed.from}\` that is now called \`${diff.renamed.to}\`; where they are two different things, write otherwise.`
    : "";
  const does = mayStay
    ? `Right as it is where a job may be done without ${quoted(touched(change))}. Where it must not get lost, leave revision ${revision} as it was and make the change a revision of its own.`
    : `Leave revision ${revision} as it was and make the change a revision of its own, with an upgrade and a downgrade: then everything can be deployed at once, and rolled back.`;
  return { does: `${does}${guess} Put this in the place of ${place}:`, code: revisionCode(change) };
}

function touched({ diff }: RevisionChange): string[] {
  return [...diff.added, ...diff.removed].map(({ name }) => name);
}

function putBack({ task, revision, library, isFirst }: RevisionChange, { schema }: LockedRevision) {
  const source = schemaSource(schema, library);
  return {
    does: `Revision ${revision} of ${task} is history: jobs of it may be waiting, and its meaning cannot change. Put it back as it was${source ? ":" : " (git shows it), and change the newest revision or its upgrade instead."}`,
    ...(source && {
      code: isFirst
        ? `.payload(${source}${revision > 1 ? `, { revision: ${revision} }` : ""})`
        : `.revise(${source}, { … })`,
    }),
  };
}

/** Workers first, then those who enqueue, then what is left over. */
function phases({ task, revision, library, newer }: RevisionChange): Phase[] {
  const next = revision + 1;
  return [
    {
      does: `Add revision ${next}, with its upgrade and downgrade, and deploy the workers alone. They run the jobs of both revisions; web servers and other callers stay on the old release.`,
      until: [{ kind: "readers", task, revision: next }],
    },
    {
      does: "Deploy what enqueues. From now on no job needs the downgrade.",
      until: [
        { kind: "no-writers", task, revisionsTo: revision },
        { kind: "no-jobs", task, revisionsTo: revision },
      ],
    },
    {
      does: `Drop revision ${revision}: begin the chain with revision ${next}, without its upgrade and downgrade. Deploy.`,
      code: `.payload(${schemaSource(newer, library) ?? "newerSchema"}, { revision: ${next} })`,
      until: [],
    },
  ];
}

/** Nothing fails: whoever reads it comes first, whoever sends it second. */
function readFirst(change: RevisionChange): Phase[] {
  const { task, revision, diff } = change;
  const names = quoted(touched(change));
  if (diff.added.length === 0 && diff.removed.length > 0)
    return [
      {
        does: `Let no caller send ${names} any more. Deploy.`,
        until: [{ kind: "no-jobs", task, revisionsTo: revision }],
      },
      { does: `Remove ${names} from the payload. Deploy.`, until: [] },
    ];
  return [
    {
      does: `Deploy the workers, which read ${names}; web servers and other callers stay on the old release until no worker of it is left (npx taskmaster status).`,
      until: [],
    },
    { does: `Deploy what sends ${names}.`, until: [] },
  ];
}
