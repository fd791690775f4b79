import { currentRevision } from "../contract/contract.ts";
import type { CheckedTask } from "./checked-task.ts";
import type { Finding } from "./finding.ts";
import { firstRevision, type LockedTask, lastRevision } from "./lockfile.ts";
import { schemaSource } from "./source/schema-source.ts";

/** What is said of a chain that has lost revisions, at its start or at its end. */
export function chainFindings(task: string, before: LockedTask, { contract, locked }: CheckedTask): Finding[] {
  const [first, last] = [contract.revisions[0].number, currentRevision(contract).number];
  const found: Finding[] = [];
  const oldest = firstRevision(before);
  if (first > oldest) found.push(dropped(task, before, oldest, first - 1));
  if (last < lastRevision(before)) found.push(withdrawn(task, before, last, locked.library));
  const lost = contract.revisions.filter(
    ({ number, downgrade }) => downgrade === undefined && number > first && before.revisions[number]?.downgrade,
  );
  return [...found, ...lost.map(({ number }) => downgradeDropped(task, number))];
}

function downgradeDropped(task: string, revision: number): Finding {
  return {
    rule: "downgrade-dropped",
    severity: "warning",
    task,
    revision,
    title: `the downgrade of revision ${revision} was dropped`,
    effects: [
      {
        who: "old worker, new job",
        phases: ["during the deploy", "after a rollback"],
        what: `workers that read up to revision ${revision - 1} no longer run the jobs of this code: those wait for newer workers, and are stranded where a rollback leaves none.`,
        breaks: true,
      },
    ],
    oneDeploy: {
      does: `Right where no live worker reads up to revision ${revision - 1} only, and no rollback will go back to one: npx taskmaster check --live says what is live. Otherwise keep it.`,
    },
  };
}

function dropped(task: string, before: LockedTask, from: number, to: number): Finding {
  const which = from === to ? `revision ${from} was` : `revisions ${from} to ${to} were`;
  const schema = before.revisions[from]?.schema;
  const source = schema === undefined ? undefined : schemaSource(schema, before.library);
  return {
    rule: "revision-dropped",
    severity: "breaking",
    task,
    revision: to,
    title: `${which} dropped from the chain`,
    effects: [
      {
        who: "new worker, old job",
        phases: ["during the deploy", "after the deploy"],
        what: `jobs of it that are still queued, scheduled for later, held or failed can be read by nobody: they are stranded. Nothing is lost, and nothing of them runs.`,
        breaks: true,
      },
    ],
    oneDeploy: {
      does: `Put it back at the start of the chain until its jobs are gone. Production says whether they are: npx taskmaster check --live, or npx taskmaster check --prune. Once none is left, dropping it is right.`,
      code: `.payload(${source ?? "olderSchema"}${from > 1 ? `, { revision: ${from} }` : ""})\n.revise(…, { upgrade: …, downgrade: … }) // as before`,
    },
    phased: [
      {
        does: `Leave the chain as it was, and wait until its jobs have drained.`,
        until: [
          { kind: "no-writers", task, revisionsTo: to },
          { kind: "no-jobs", task, revisionsTo: to },
        ],
      },
      { does: `Drop ${from === to ? `revision ${from}` : `the revisions ${from} to ${to}`}. Deploy.`, until: [] },
    ],
  };
}

function withdrawn(task: string, before: LockedTask, last: number, library: string): Finding {
  const newest = lastRevision(before);
  const schema = before.revisions[newest]?.schema;
  const source = schema === undefined ? undefined : schemaSource(schema, library);
  return {
    rule: "revision-withdrawn",
    severity: "breaking",
    task,
    revision: newest,
    title: `revision ${newest} is gone: the code ends at revision ${last}, and ${newest} has been released`,
    effects: [
      {
        who: "new worker, old job",
        phases: ["during the deploy", "after the deploy"],
        what: `jobs of revision ${newest} ${before.revisions[newest]?.downgrade ? "run by their downgrade, as an older form" : "cannot be read by this code: they are stranded"}.`,
        breaks: true,
      },
    ],
    oneDeploy: {
      does: `Is this branch older than what is released? Then rebase it. If revision ${newest} was a mistake, go forward: keep it, and add revision ${newest + 1} in the form of revision ${last}.`,
      code: `.revise(${source ?? `schemaOfRevision${newest}`}, { upgrade: …, downgrade: … }) // revision ${newest}, as it was\n.revise(schemaOfRevision${last}, { upgrade: …, downgrade: … }) // revision ${newest + 1}: back to the form of revision ${last}`,
    },
  };
}
