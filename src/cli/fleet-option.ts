import { hostname, userInfo } from "node:os";
import type { Command } from "commander";
import { BullmqFleet } from "../fleets/bullmq/bullmq-fleet.ts";
import { CeleryFleet } from "../fleets/celery/celery-fleet.ts";
import type { RemoteFleet } from "../fleets/fleet.ts";
import { ResqueFleet } from "../fleets/resque/resque-fleet.ts";
import { SidekiqFleet } from "../fleets/sidekiq/sidekiq-fleet.ts";
import { UsageError } from "./failure.ts";
import type { FoundConfig } from "./find-tasks.ts";

/** Existing queues: `--fleet celery=amqp://…`, and `fleets` in taskmaster.config.ts. */

export interface FleetOptions {
  readonly fleet?: readonly string[];
  readonly interruptible?: readonly string[];
  readonly short?: readonly string[];
}

interface OpenOptions {
  readonly address: string;
  readonly holder: Holder;
  readonly leaseMs: number;
  readonly holdMs: number;
  readonly interruptible: readonly string[];
  readonly short: readonly string[];
}

const kinds: Readonly<Record<string, (options: OpenOptions) => Promise<RemoteFleet>>> = {
  celery: CeleryFleet.open,
  bullmq: BullmqFleet.open,
  sidekiq: SidekiqFleet.open,
  resque: ResqueFleet.open,
};

/** Addresses may contain commas: one each time. */
function another(value: string, previous: readonly string[] = []): string[] {
  return [...previous, value];
}

export function withFleetOption(command: Command): Command {
  return command.option(
    "--fleet <kind=address>",
    `an existing queue to close too, such as celery=amqp://user:password@host/vhost (${Object.keys(kinds).join(", ")}); may be repeated`,
    another,
  );
}

/** The options of whoever judges what runs there. */
export function withFleetOptions(command: Command): Command {
  return withFleetOption(command)
    .option(
      "--interruptible <task>",
      "a task of an existing queue that may be stopped anywhere; may be repeated",
      another,
    )
    .option("--short <task>", "a task of an existing queue that must not be cut off; may be repeated", another);
}

/** Those that are named on the command line, else those of the config. */
function namedFleets({ fleet }: FleetOptions, config: FoundConfig): readonly string[] {
  return fleet ?? config.fleets ?? [];
}

/** Opens them all, or none. @throws {UsageError} where one is not written as it should be */
export async function openFleets(
  options: FleetOptions,
  config: FoundConfig,
  times: { readonly leaseMs: number; readonly holdMs: number },
): Promise<RemoteFleet[]> {
  const fleets: RemoteFleet[] = [];
  const tasks = {
    interruptible: options.interruptible ?? config.interruptible ?? [],
    short: options.short ?? config.short ?? [],
  };
  try {
    for (const { open, address } of namedFleets(options, config).map(readFleet))
      fleets.push(await open({ address, holder: holder(), ...times, ...tasks }));
    return fleets;
  } catch (error) {
    for (const fleet of fleets) await fleet.leave();
    throw error;
  }
}

function readFleet(text: string): { open: (options: OpenOptions) => Promise<RemoteFleet>; address: string } {
  const [, kind = "", address = ""] = /^([^=]+)=(.*)$/s.exec(text) ?? [];
  const open = kinds[kind];
  if (open === undefined)
    throw new UsageError(
      `--fleet ${kind || "…"}: write what it is and where its broker is: ${Object.keys(kinds).join(", ")}, such as celery=amqp://user:password@host/vhost`,
    );
  if (!URL.canParse(address))
    throw new UsageError(
      `--fleet ${kind}=…: what follows is no address. Write one such as ${kind}=redis://:password@host:6379/0`,
    );
  return { open, address };
}

interface Holder {
  readonly by: string;
  readonly host: string;
  readonly pid: number;
}

/** Who is at work here, for those who find a gate closed. */
export function holder(): Holder {
  return { by: deployer(), host: hostname(), pid: process.pid };
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
