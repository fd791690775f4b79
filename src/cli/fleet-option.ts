import { hostname, userInfo } from "node:os";
import type { Command } from "commander";
import type { FailedJobs } from "../fleets/failed-jobs.ts";
import type { RemoteFleet } from "../fleets/fleet.ts";
import type { StoredJobs } from "../fleets/stored-jobs.ts";
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

interface Kind {
  readonly schemes: readonly string[];
  readonly open: (options: OpenOptions) => Promise<RemoteFleet>;
  /** Where its stored jobs can be read. */
  readonly stored?: (address: string) => Promise<StoredJobs>;
  /** Where what has failed can be given back. */
  readonly failed?: (address: string) => Promise<FailedJobs>;
}

const redis = ["redis", "rediss", "valkey", "valkeys"];
/** Each loads its own code when it is opened. */
const kinds: Readonly<Record<string, Kind>> = {
  celery: {
    schemes: ["amqp", "amqps", "pyamqp", "librabbitmq", ...redis],
    open: async (options) => (await import("../fleets/celery/celery-fleet.ts")).CeleryFleet.open(options),
  },
  bullmq: {
    schemes: redis,
    open: async (options) => (await import("../fleets/bullmq/bullmq-fleet.ts")).BullmqFleet.open(options),
    stored: async (address) =>
      (await import("../fleets/bullmq/stored-jobs.ts")).BullmqStoredJobs.open("bullmq", address),
    failed: async (address) =>
      (await import("../fleets/bullmq/failed-jobs.ts")).BullmqFailedJobs.open("bullmq", address),
  },
  sidekiq: {
    schemes: redis,
    open: async (options) => (await import("../fleets/sidekiq/sidekiq-fleet.ts")).SidekiqFleet.open(options),
    stored: async (address) =>
      (await import("../fleets/sidekiq/stored-jobs.ts")).SidekiqStoredJobs.open("sidekiq", address),
    failed: async (address) =>
      (await import("../fleets/sidekiq/failed-jobs.ts")).SidekiqFailedJobs.open("sidekiq", address),
  },
  resque: {
    schemes: redis,
    open: async (options) => (await import("../fleets/resque/resque-fleet.ts")).ResqueFleet.open(options),
    stored: async (address) =>
      (await import("../fleets/resque/stored-jobs.ts")).ResqueStoredJobs.open("resque", address),
    failed: async (address) =>
      (await import("../fleets/resque/failed-jobs.ts")).ResqueFailedJobs.open("resque", address),
  },
};

/** Addresses may contain commas: one each time. */
export function anotherFleet(value: string, previous: readonly string[] = []): string[] {
  return [...previous, value];
}

export function withFleetOption(command: Command): Command {
  return command.option(
    "--fleet <kind=address>",
    `an existing queue to close too, such as celery=amqp://user:password@host/vhost (${Object.keys(kinds).join(", ")}); may be repeated`,
    anotherFleet,
  );
}

/** The options of whoever judges what runs there. */
export function withFleetOptions(command: Command): Command {
  return withFleetOption(command)
    .option(
      "--interruptible <task>",
      "a task of an existing queue that may be stopped anywhere; may be repeated",
      anotherFleet,
    )
    .option("--short <task>", "a task of an existing queue that must not be cut off; may be repeated", anotherFleet);
}

/** Those that are named on the command line, else those of the config. A kind alone is those of the config of that kind. */
function namedFleets({ fleet }: FleetOptions, config: FoundConfig): readonly string[] {
  const configured = config.fleets ?? [];
  return (
    fleet?.flatMap((text) => {
      const ofKind = configured.filter((each) => each.startsWith(`${text}=`));
      return ofKind.length > 0 ? ofKind : [text];
    }) ?? configured
  );
}

type Ability = "stored" | "failed";
const abilities: Readonly<Record<Ability, string>> = {
  stored: "tell what jobs they have stored",
  failed: "tell what has failed in them",
};

/** Those of the named fleets that can do it. @throws {UsageError} where one is named on the command line that cannot */
export function fleetsThat(can: Ability, options: FleetOptions, config: FoundConfig): string[] {
  return namedFleets(options, config).filter((text) => {
    const isAble = readFleet(text)[can] !== undefined;
    if (!isAble && options.fleet !== undefined) throw new UsageError(cannot(can, text));
    return isAble;
  });
}

/** @throws {UsageError | BrokerUnreachableError | BrokerRefusedError} */
export async function openStoredJobs(text: string): Promise<StoredJobs> {
  const { stored, address } = readFleet(text);
  if (stored === undefined) throw new UsageError(cannot("stored", text));
  return stored(address);
}

/** @throws {UsageError | BrokerUnreachableError | BrokerRefusedError} */
export async function openFailedJobs(text: string): Promise<FailedJobs> {
  const { failed, address } = readFleet(text);
  if (failed === undefined) throw new UsageError(cannot("failed", text));
  return failed(address);
}

function cannot(what: Ability, text: string): string {
  const able = Object.keys(kinds).filter((kind) => kinds[kind]?.[what] !== undefined);
  return `--fleet ${text.split("=")[0]}: of the existing queues, ${able.join(", ")} ${abilities[what]}.`;
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

function readFleet(text: string): Kind & { readonly address: string } {
  const [, name = text, address = ""] = /^([^=]+)=(.*)$/s.exec(text) ?? [];
  const kind = Object.hasOwn(kinds, name) ? kinds[name] : undefined;
  if (kind === undefined)
    throw new UsageError(
      `--fleet ${name.includes(":") ? "…" : name}: write what it is and where its broker is: ${Object.keys(kinds).join(", ")}, such as celery=amqp://user:password@host/vhost`,
    );
  if (!URL.canParse(address))
    throw new UsageError(
      `--fleet ${name}=…: what follows is no address. Write one such as ${name}=redis://:password@host:6379/0`,
    );
  const scheme = new URL(address).protocol.slice(0, -1);
  if (!kind.schemes.includes(scheme))
    throw new UsageError(
      `--fleet ${name}=${scheme}://…: the address of its broker begins with ${kind.schemes.map((each) => `${each}://`).join(" or ")}`,
    );
  return { ...kind, address };
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
