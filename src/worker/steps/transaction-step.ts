import { InvalidContractError } from "../../contract/contract.ts";
import type { RecordedText } from "../../contract/recorded-value.ts";
import type { PlainSql, Step, TransactionSource } from "../../contract/step.ts";
import { recordNextCheckpoint } from "../../engine/checkpoint.ts";
import { type RunStatement, runWithin } from "../../engine/database.ts";
import { isTransient } from "../../engine/database-errors.ts";
import type { TaskTransactions } from "../../engine/task-transactions.ts";
import { lose } from "./attempt-host.ts";
import type { Records } from "./records.ts";
import { answer, record, runTries, type StepSettings } from "./step.ts";

/**
 * Steps whose effects and whose checkpoint are one transaction. Invariants:
 *
 * 1. The checkpoint is the transaction's last statement: it locks the job's row from there to the commit, so that the job is not claimed
 *    again between the two.
 * 2. Where an earlier transaction was committed although its reply was lost, the checkpoint finds its place taken, this one is
 *    rolled back, and the record answers.
 */

/** Thrown inside a transaction that must not be committed; never seen outside. */
class Taken extends Error {}

export type OpenTransaction = <T>(work: (tx: unknown, run: RunStatement) => Promise<T>) => Promise<T>;

/** How the transactions of a step are opened: the caller's way, or on a connection of ours. @throws {InvalidContractError} */
export function transactionsOf(
  source: TransactionSource<never> | undefined,
  own: TaskTransactions,
  what: string,
): OpenTransaction {
  if (source === undefined) return (work) => own.run(work);
  if (typeof source !== "object" || source === null || typeof source.transaction !== "function")
    throw new InvalidContractError(
      `in of ${what} is no source of transactions: write { transaction: (work) => db.transaction((tx) => work(tx, through(tx))) }, as docs/steps.md shows for your library.`,
    );
  return (work) =>
    source.transaction((tx: unknown, within: PlainSql) => {
      if (typeof within?.query !== "function")
        throw new InvalidContractError(
          `The source of transactions of ${what} called its work without a second argument that has query(text, values): work(tx, through(tx)).`,
        );
      return work(tx, runWithin(within));
    });
}

export async function runTransactionStep(
  records: Records,
  name: string,
  settings: StepSettings,
  open: OpenTransaction,
  run: (tx: never, step: Step) => unknown,
): Promise<unknown> {
  records.assertGoingOn();
  records.name(name, "a step");
  const known = await records.find(name, settings.formerly);
  if (known) return answer(records, name, known, settings.schema);
  records.assertGoingOn();
  const recorded = await runTries(records, name, settings, async (step) => {
    try {
      return await open(async (tx, runSql) => {
        const result = await run(tx as never, step);
        const text = await record(records, name, result, settings.schema);
        await recordWithin(records, runSql, { name, kind: "step", seq: 1, ...text });
        return text;
      });
    } catch (error) {
      const done = await foundAfter(records, name, error);
      if (done === undefined) throw error;
      return done;
    }
  });
  return answer(records, name, recorded as RecordedText, settings.schema);
}

/** Writes the checkpoint of a transaction as its last statement. @throws where it must not be committed */
export async function recordWithin(
  records: Records,
  run: RunStatement,
  checkpoint: Parameters<Records["write"]>[0],
): Promise<void> {
  const outcome = await recordNextCheckpoint(run, { ...checkpoint, holder: records.host.job });
  if (outcome === "lost") throw lose(records.host, `"${checkpoint.name}"`);
  if (outcome === "taken") throw new Taken(`"${checkpoint.name}" is recorded already.`);
}

/** The record of a transaction that was committed after all, although it looked as if it had failed. */
export async function foundAfter(records: Records, name: string, error: unknown) {
  return error instanceof Taken || isTransient(error) ? records.look(name) : undefined;
}
