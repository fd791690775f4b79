import type { Database } from "../engine/database.ts";
import type { Pace } from "./pace.ts";
import type { Runner } from "./runner.ts";
import type { Scout } from "./scout.ts";
import type { Settler } from "./settler.ts";

/** Attempts that ended and are not written yet, at most: beyond it the database is too slow or away, and nothing more starts. */
const mostUnsettled = 4_000;
/** Where fewer jobs may be claimed ahead, a second claim on its way is not worth its while. */
const worthTwo = 600;

/** What decides how much room there is. */
interface Holding {
  readonly database: Pick<Database, "hasLine">;
  readonly scout: Pick<Scout, "hasBacklog" | "hotTasks">;
  readonly runner: Pick<Runner, "buffered" | "freeSlots"> & { readonly pace: Pick<Pace, "ahead"> };
  readonly settler: Pick<Settler, "unsettled">;
}

/**
 * How many jobs to ask for; 0 while there is little room, so that claims stay large: half of what may lie here, or a third where two claims may be on
 * their way.
 *
 * @param expected jobs that are on their way here
 * @param isSecond whether a claim is unanswered
 */
export function roomFor({ database, runner, settler, scout }: Holding, expected: number, isSecond: boolean): number {
  if (settler.unsettled > mostUnsettled) return 0;
  const ahead = runner.pace.ahead(scout.hotTasks());
  const inTwo = ahead >= worthTwo && database.hasLine && scout.hasBacklog;
  if (isSecond && !inTwo) return 0;
  const slots = Math.max(0, runner.freeSlots - expected);
  const free = ahead - runner.buffered - Math.max(0, expected - runner.freeSlots);
  const share = Math.ceil(ahead / 3);
  if (slots === 0 && free < (inTwo ? share : ahead / 2)) return 0;
  return slots + Math.max(0, inTwo ? Math.min(free, share) : free);
}
