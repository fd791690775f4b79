import type { Command } from "commander";
import { toMilliseconds } from "../contract/duration.ts";
import { TaskmasterError } from "../contract/error.ts";
import { nameOfRelease } from "../deploy/takeover.ts";
import type { Database } from "../engine/database.ts";
import { presentVersion } from "../engine/migrate.ts";
import type { Fleet, RemoteFleet } from "../fleets/fleet.ts";
import { TaskmasterFleet } from "../fleets/taskmaster/taskmaster-fleet.ts";
import { locateDatabase } from "../process/locate.ts";
import { openDatabase } from "../process/sessions.ts";
import { databaseUrl, type GlobalOptions, say } from "./context.ts";
import { NotDoneError, UsageError } from "./failure.ts";
import { type FoundConfig, loadConfig } from "./find-tasks.ts";
import { type FleetOptions, holder, openFleets, withFleetOptions } from "./fleet-option.ts";

/** What the commands that close the gate have in common. */

export interface GateOptions extends FleetOptions {
  readonly timeout: string;
  readonly release?: string;
  readonly onlyShort?: boolean;
  readonly lease: string;
}

/** All that one deploy closes. */
export interface Gate {
  readonly fleets: readonly Fleet[];
  readonly remote: readonly RemoteFleet[];
  /** Taskmaster's own workers and the record of deploys. A deploy of existing queues alone has neither. */
  readonly own: OwnGate | undefined;
  readonly leaseMs: number;
}

export interface OwnGate {
  readonly fleet: TaskmasterFleet;
  readonly database: Database;
}

const leastLeaseMs = 1_000;
/** The first schema that knows gates. */
const gateVersion = 4;

/** The options of whoever closes the gate. */
export function withGateOptions(command: Command): Command {
  return withFleetOptions(command)
    .option("--timeout <duration>", "how long to wait for short tasks to end", "10m")
    .option(
      "--release <id>",
      "the release that is being deployed: its workers that start from now on run at once, also where it is live already (those of a release that was not live do in any case)",
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

/** Opens what a deployer needs: the fleets behind the gate, and the database where there is one. */
export async function withGate<T>(
  global: GlobalOptions,
  options: Omit<GateOptions, "timeout"> & { readonly holdMs: number },
  use: (gate: Gate) => Promise<T>,
): Promise<T> {
  const { release, onlyShort = false, lease, holdMs } = options;
  const leaseMs = durationOption(lease, "--lease");
  if (leaseMs < leastLeaseMs)
    throw new UsageError(`--lease ${lease} is too short to be renewed in time: 1s is the least.`);
  const config = await loadConfig();
  const remote = await openFleets(options, config, { leaseMs, holdMs });
  try {
    for (const { name } of remote) say(`fleet: ${name}`);
    return await withGateDatabase(global, config, remote.length > 0, async (database, sessions) => {
      if (database === undefined) return use({ fleets: remote, remote, own: undefined, leaseMs });
      const fleet = new TaskmasterFleet({
        database,
        sessions,
        holder: holder(),
        release: release === undefined ? null : await nameOfRelease(database, release),
        onlyShort,
        leaseMs,
      });
      try {
        return await use({ fleets: [fleet, ...remote], remote, own: { fleet, database }, leaseMs });
      } finally {
        await fleet.leave();
      }
    });
  } finally {
    for (const fleet of remote) await fleet.leave();
  }
}

/** For a gate that another program has closed: the fleets that are named, and the database where there is one. */
export async function withHeldGate<T>(
  global: GlobalOptions,
  options: FleetOptions,
  use: (database: Database | undefined, remote: readonly RemoteFleet[]) => Promise<T>,
): Promise<T> {
  const config = await loadConfig();
  const remote = await openFleets(options, config, { leaseMs: leastLeaseMs, holdMs: 0 });
  try {
    return await withGateDatabase(global, config, remote.length > 0, (database) => use(database, remote));
  } finally {
    for (const fleet of remote) await fleet.leave();
  }
}

/**
 * The database of Taskmaster. Where existing queues are named, it may be missing: nobody names one, or `DATABASE_URL` leads to an
 * application's database that Taskmaster has never been in. One that is named for Taskmaster must be there.
 */
async function withGateDatabase<T>(
  global: GlobalOptions,
  config: FoundConfig,
  mayBeMissing: boolean,
  use: (database: Database | undefined, sessions: boolean) => Promise<T>,
): Promise<T> {
  const named = databaseUrl(global, config);
  const fromEnvironment = process.env.DATABASE_URL ?? "";
  if (mayBeMissing && named === undefined && !/^postgres(ql)?:/.test(fromEnvironment)) {
    say("database: none, so that the record of deploys is left out");
    return use(undefined, false);
  }
  const located = await locateDatabase(named);
  const { database, sessions } = await openDatabase({
    url: located.url,
    applicationName: "taskmaster deploy",
    connections: 3,
  });
  try {
    const version = await presentVersion(database);
    if (version === 0 && mayBeMissing && named === undefined) {
      say(`database: ${located.where} has no tables of Taskmaster, so that the record of deploys is left out`);
      return await use(undefined, false);
    }
    say(`database: ${located.where}`);
    if (version < gateVersion)
      throw new NotDoneError("This database has no gate yet. Make it with: npx taskmaster migrate");
    return await use(database, sessions);
  } finally {
    await database.end();
    await located.leave();
  }
}
