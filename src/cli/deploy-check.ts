import { isBreaking } from "../check/finding.ts";
import { checkLive } from "../check/live.ts";
import type { Database } from "../engine/database.ts";
import { checkInput } from "./check-input.ts";
import { drawFindings } from "./check-report.ts";
import { type GlobalOptions, say } from "./context.ts";
import { CouldNotCheckError, NotDoneError } from "./failure.ts";

/**
 * Holds the code of this folder against its lockfile and against production, before anything is closed. Where no tasks are here, as on a machine that
 * only restarts others, it says so and lets the deploy go on.
 *
 * @throws {NotDoneError} where something would break
 */
export async function checkBeforeDeploy(global: GlobalOptions, database: Database): Promise<void> {
  let input: Awaited<ReturnType<typeof checkInput>>;
  try {
    input = await checkInput(global, [], { compiled: true });
  } catch (error) {
    if (!(error instanceof CouldNotCheckError)) throw error;
    say("not checked: no tasks were found here (--tasks FILES names them)");
    return;
  }
  const { findings, backlog } = await checkLive({ ...input.options, database });
  const breaking = findings.filter(isBreaking);
  if (breaking.length > 0) {
    process.stderr.write(`${drawFindings(findings, input.at, { notes: false })}\n`);
    throw new NotDoneError(
      `${breaking.length} ${breaking.length === 1 ? "finding" : "findings"} would break this deploy, so nothing was closed and nothing was run. ` +
        "Mend them, or deploy all the same with --no-check.",
    );
  }
  say(`checked: ${input.options.tasks.length} tasks, and ${backlog.payloads.toLocaleString("en")} stored payloads`);
}
