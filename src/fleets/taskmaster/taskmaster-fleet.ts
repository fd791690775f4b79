import { formatMilliseconds } from "../../contract/duration.ts";
import { TaskmasterError } from "../../contract/error.ts";
import { type Database, pause, retrying } from "../../engine/database.ts";
import {
  closeGate,
  type Deploy,
  endGate,
  gateMembers,
  judgeGate,
  noteDeploy,
  openDeploy,
  renewGate,
} from "../../engine/deploys.ts";
import { lapseGate, type ReportedAttempt } from "../../engine/gate.ts";
import { Listener } from "../../engine/listen.ts";
import { declareDead } from "../../engine/liveness.ts";
import type { Fleet, FleetProcess, FleetView, Outcome, RunningAttempt } from "../fleet.ts";

/** Thrown where another deploy holds the gate. Nothing was closed. */
class GateHeldError extends TaskmasterError {
  readonly code = "TASKMASTER_GATE_HELD";
  readonly deploy: Deploy;

  constructor(deploy: Deploy) {
    super(
      `Deploy ${deploy.id} holds the gate: ${deploy.openedBy} closed it ${formatMilliseconds(Date.now() - deploy.openedAt.getTime())} ago` +
        ` on ${deploy.host} (process ${deploy.pid})${deploy.release ? ` for release ${deploy.release}` : ""}, it is ${deploy.state === "safe" ? "safe to deploy" : "closing"},` +
        ` and it opens by itself in ${formatMilliseconds(Math.max(0, deploy.leaseMs))} unless its holder goes on. Look: npx taskmaster deploy status. End it: npx taskmaster deploy abort.`,
    );
    this.deploy = deploy;
  }
}

/** Thrown where the gate has ended without its holder: the fleet runs, and nothing is safe. */
export class GateLostError extends TaskmasterError {
  readonly code = "TASKMASTER_GATE_LOST";
}

export interface TaskmasterFleetOptions {
  readonly database: Database;
  /** Where notifications come from; without them it polls. */
  readonly sessions: boolean;
  readonly holder: { readonly by: string; readonly host: string; readonly pid: number };
  readonly release: string | null;
  readonly onlyShort: boolean;
  /** How long the gate stays closed without a word of its holder. */
  readonly leaseMs: number;
}

/** How long a deployer tries to reach the database before it gives up. Its lease may end meanwhile. */
const patienceMs = 30_000;
/** Between two looks where no notification comes. */
const pollMs = 500;

/** Taskmaster's own workers, by the gate's row in the database (docs/gate.md). */
export class TaskmasterFleet implements Fleet {
  readonly name = "taskmaster";
  readonly #options: TaskmasterFleetOptions;
  #listener: Listener | undefined;
  #deploy: number | undefined;
  #drained = false;
  /** Short attempts that ran at the last look: those that were waited for the longest, when there are none any more. */
  #short: readonly RunningAttempt[] = [];
  #news = false;
  #wake: (() => void) | undefined;

  constructor(options: TaskmasterFleetOptions) {
    this.#options = options;
  }

  /** The number of the deploy that holds the gate. */
  get deploy(): number {
    if (this.#deploy === undefined) throw new GateLostError("The gate has not been closed.");
    return this.#deploy;
  }

  async close(): Promise<void> {
    const { database, sessions, holder, release, onlyShort, leaseMs } = this.#options;
    if (sessions) this.#listen(database.url);
    await lapseGate(database);
    const request = { release, onlyShort, openedBy: holder.by, host: holder.host, pid: holder.pid, leaseMs };
    const held = await openDeploy(database);
    if (held) throw new GateHeldError(held);
    this.#deploy = await closeGate(database, request);
    if (this.#deploy === undefined) await this.close(); // another was quicker
  }

  async observe(): Promise<FleetView> {
    const { database } = this.#options;
    const during = { during: "looking at the gate", forMs: patienceMs };
    this.#drained ||= await retrying(() => judgeGate(database, this.deploy), during);
    const members = await retrying(() => gateMembers(database, this.deploy), during);
    const held = await retrying(() => openDeploy(database), during);
    if (held === undefined || held.id !== this.#deploy) throw this.#lost();
    for (const { process, dead, leaseMs } of members)
      if (!dead && leaseMs < 0) await declareDead(database, process, "lease"); // no other worker may be there to do it
    const attempts = members.flatMap(({ process, host, pid, running, dead, leaseMs }) =>
      dead && leaseMs < 0
        ? []
        : (JSON.parse(running) as ReportedAttempt[]).map((each) => toAttempt(each, process, `${host}:${pid}`)),
    );
    const short = attempts.filter(({ kind }) => kind === "short");
    if (short.length === 0) await this.#note("waited for", this.#short);
    this.#short = short;
    const processes = members.map((member) => toProcess(member, held.closes));
    return { drained: this.#drained, processes, attempts, doubts: [] };
  }

  /** For the record, from which `taskmaster audit` tells whose deploys wait. */
  async #note(event: "waited for" | "blocked by", attempts: readonly RunningAttempt[]): Promise<void> {
    if (attempts.length === 0) return;
    const tasks = [...new Set(attempts.map(({ task }) => task))];
    await noteDeploy(this.#options.database, this.deploy, event, { tasks }).catch(() => {}); // a verdict does not wait for its record
  }

  async changed(withinMs: number, signal?: AbortSignal): Promise<void> {
    if (!this.#news) {
      const woken = new AbortController();
      this.#wake = () => woken.abort();
      const either = signal ? AbortSignal.any([signal, woken.signal]) : woken.signal;
      await pause(this.#options.sessions ? withinMs : Math.min(withinMs, pollMs), either);
      this.#wake = undefined;
    }
    this.#news = false;
  }

  async hold(ms: number): Promise<void> {
    const { database, holder } = this.#options;
    const isHeld = await retrying(() => renewGate(database, this.deploy, ms, holder), {
      during: "renewing the gate's lease",
      forMs: patienceMs,
    });
    if (!isHeld) throw this.#lost();
  }

  async reopen(outcome: Outcome, reason?: string): Promise<boolean> {
    if (this.#deploy === undefined) return false;
    if (outcome === "blocked") await this.#note("blocked by", this.#short);
    return retrying(() => endGate(this.#options.database, this.deploy, outcome, reason ?? null), {
      during: "opening the gate",
      forMs: patienceMs,
    });
  }

  /** Stops listening. The gate stays as it is. */
  async leave(): Promise<void> {
    await this.#listener?.stop();
  }

  #listen(url: string): void {
    const tell = () => {
      this.#news = true;
      this.#wake?.();
    };
    this.#listener ??= new Listener({
      url,
      applicationName: "taskmaster deploy",
      channels: { taskmaster_deploy: tell, taskmaster_gate: tell },
      onConnected: tell,
    });
    this.#listener.start();
  }

  #lost(): GateLostError {
    return new GateLostError(
      `The gate of deploy ${this.#deploy} has ended without this program: its lease ran out, or somebody aborted it. The workers run again, so do not deploy. ` +
        `What happened: npx taskmaster deploy show ${this.#deploy}`,
    );
  }
}

type Member = Awaited<ReturnType<typeof gateMembers>>[number];

function toProcess({ process, release, host, pid, acked, dead, leaseMs, silentMs }: Member, closes: string) {
  const at = { id: String(process), where: `${host}:${pid}`, release };
  const lease = leaseMs > 0 ? `, its lease ends in ${formatMilliseconds(leaseMs)}` : "";
  if (dead)
    return { ...at, state: leaseMs < 0 ? "gone" : "silent", remark: `taken for dead${lease}` } satisfies FleetProcess;
  if (acked === closes || acked === "all") return { ...at, state: "closed" } satisfies FleetProcess;
  if (silentMs > 0)
    return {
      ...at,
      state: "silent",
      remark: `its main thread has been blocked for ${formatMilliseconds(silentMs)}`,
    } satisfies FleetProcess;
  return { ...at, state: "open" } satisfies FleetProcess;
}

function toAttempt(
  { job, task, kind, since, limitMs, overrun }: ReportedAttempt,
  process: number,
  where: string,
): RunningAttempt {
  return {
    job,
    task,
    kind,
    process: String(process),
    where,
    since: new Date(since),
    ...(limitMs !== undefined && { limitMs }),
    ...(overrun && { overrun }),
  };
}
