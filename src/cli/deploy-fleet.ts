import { hostname, userInfo } from "node:os";
import type { Command } from "commander";
import { toMilliseconds } from "../contract/duration.ts";
import { TaskmasterError } from "../contract/error.ts";
import { Database } from "../engine/database.ts";
import { presentVersion } from "../engine/migrate.ts";
import { TaskmasterFleet } from "../fleets/taskmaster/taskmaster-fleet.ts";
import { locateDatabase } from "../process/locate.ts";
import { hasSessions } from "../process/sessions.ts";
import { databaseUrl, type GlobalOptions, say } from "./context.ts";
import { NotDoneError, UsageError } from "./failure.ts";
import { loadConfig } from "./find-tasks.ts";

/** What the commands that close the gate have in common. */

export interface GateOptions {
  readonly timeout: string;
  readonly release?: string;
  readonly onlyShort?: boolean;
  readonly lease: string;
}

const leastLeaseMs = 1_000;

/** The options of whoever closes the gate. */
export function withGateOptions(command: Command): Command {
  return command
    .option("--timeout <duration>", "how long to wait for short tasks to end", "10m")
    .option(
      "--release <id>",
      "the release that is being deployed: its workers that start from now on run at once (default: any release that was not live)",
    )
    .option("--lease <duration>", "how long the gate stays closed when this program dies", "15s")
    .option("--only-short", "let interruptible tasks go on starting until the short ones have ended");
}

/** Reads a duration given on the command line. */
export function durationOption(text: string, option: string): number {
  try {
    return toMilliseconds(text as never, option);
  } catch (error) {
    if (error instanceof TaskmasterError) throw new UsageError(error.message);
    throw error;
  }
}

/** Opens what a deployer needs: the database, and the fleet behind the gate. */
export async function withFleet<T>(
  global: GlobalOptions,
  { release, onlyShort = false, lease }: Pick<GateOptions, "release" | "onlyShort" | "lease">,
  use: (fleet: TaskmasterFleet, database: Database, leaseMs: number) => Promise<T>,
): Promise<T> {
  const leaseMs = durationOption(lease, "--lease");
  if (leaseMs < leastLeaseMs)
    throw new UsageError(`--lease ${lease} is too short to be renewed in time: 1s is the least.`);
  const located = await locateDatabase(databaseUrl(global, await loadConfig()));
  const sessions = await hasSessions({ url: located.url });
  const database = new Database({ url: located.url, sessions, applicationName: "taskmaster deploy", connections: 3 });
  const fleet = new TaskmasterFleet({
    database,
    sessions,
    holder: { by: deployer(), host: hostname(), pid: process.pid },
    release: release ?? null,
    onlyShort,
    leaseMs,
  });
  try {
    say(`database: ${located.where}`);
    if ((await presentVersion(database)) < 4)
      throw new NotDoneError("This database has no gate yet. Make it with: npx taskmaster migrate");
    return await use(fleet, database, leaseMs);
  } finally {
    await fleet.leave();
    await database.end();
    await located.leave();
  }
}

function deployer(): string {
  return process.env.TASKMASTER_DEPLOYER ?? process.env.GITHUB_ACTOR ?? process.env.GITLAB_USER_LOGIN ?? systemUser();
}

function systemUser(): string {
  try {
    return userInfo().username;
  } catch {
    return "somebody"; // a container's user may have no name
  }
}
