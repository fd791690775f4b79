import pc from "picocolors";
import { formatMilliseconds } from "../contract/duration.ts";
import type { FleetView, HeldBy, Outcome, RemoteFleet, RunningAttempt } from "../fleets/fleet.ts";
import { localTime, table } from "./terminal.ts";

/** What `deploy finish | abort | extend | status` do with existing queues, from any machine: what was closed stands in their broker. */

interface Opened {
  readonly name: string;
  readonly wasClosed: boolean;
  readonly remarks: readonly string[];
}

/** Opens all, also where one of them cannot be opened. */
export async function openRemote(fleets: readonly RemoteFleet[], outcome: Outcome): Promise<Opened[]> {
  const opened = await Promise.allSettled(
    fleets.map(async (fleet) => {
      const wasClosed = (await fleet.adopt()) !== undefined && (await fleet.reopen(outcome));
      return { name: fleet.name, wasClosed, remarks: fleet.remarks };
    }),
  );
  return opened.map((each) => {
    if (each.status === "rejected") throw each.reason;
    return each.value;
  });
}

export function tellRemote(opened: readonly Opened[]): void {
  for (const { name, wasClosed, remarks } of opened) {
    console.log(wasClosed ? `${name} is open: what was closed is consumed again.` : `${name} was not closed.`);
    for (const remark of remarks) console.log(`${pc.yellow("warning")}  ${remark}`);
  }
}

interface Extended {
  readonly name: string;
  /** What starts in it before the extension ends, and cannot be cut off. */
  readonly blockers: readonly RunningAttempt[];
  readonly doubts: readonly string[];
}

/** Keeps those that are closed closed for longer, and looks what would start meanwhile. The longer hold stands, whatever there is: to open would be worse. */
export async function extendRemote(fleets: readonly RemoteFleet[], ms: number): Promise<Extended[]> {
  const extended: Extended[] = [];
  for (const fleet of fleets) {
    if ((await fleet.adopt()) === undefined) continue;
    await fleet.extend(ms);
    const { processes, attempts, doubts } = await fleet.look();
    const left = new Set(processes.filter(({ state }) => state === "closed" || state === "silent").map(({ id }) => id));
    const blockers = attempts.filter(({ kind, process }) => kind === "short" && left.has(process));
    extended.push({ name: fleet.name, blockers, doubts: left.size > 0 ? doubts : [] }); // workers that have been stopped do nothing
  }
  return extended;
}

export function describeExtended({ name, blockers, doubts }: Extended, ms: number): string[] {
  return [
    `${name} stays closed for ${formatMilliseconds(ms)} from now on.`,
    ...blockers.map(
      ({ task, job, where, remark = "runs" }) =>
        `${pc.red("not safe")}  ${task} (${job}) on ${where}: ${remark}. Stop that worker before, or wait for it.`,
    ),
    ...doubts.map((doubt) => `${pc.yellow("cannot tell")}  ${doubt}`),
  ];
}

interface Looked {
  readonly name: string;
  readonly gate: HeldBy | undefined;
  readonly view: FleetView;
}

export async function lookAtRemote(fleets: readonly RemoteFleet[]): Promise<Looked[]> {
  return Promise.all(
    fleets.map(async (fleet) => {
      const gate = await fleet.adopt();
      return { name: fleet.name, gate, view: await fleet.look() };
    }),
  );
}

export function describeRemote({ name, gate, view: { processes, attempts, doubts, advice = [] } }: Looked): string {
  const rows = processes.map(({ where, state, remark }) => {
    const here = attempts.filter((attempt) => attempt.process === where);
    const short = here.filter(({ kind }) => kind === "short");
    return [
      where,
      state,
      short.map((each) => `${each.task}${each.remark ? ` (${each.remark})` : ""}`).join(", "),
      here.length - short.length,
      remark ?? "",
    ];
  });
  return [
    "",
    `${pc.bold(name)}: ${gate === undefined ? "open" : pc.yellow("closed")}`,
    ...(gate ? [heldSince(gate)] : []),
    ...(rows.length > 0 ? [table(["worker", "gate", "short", "interruptible", ""], rows)] : []),
    ...doubts.map((doubt) => `${pc.yellow("cannot tell")}  ${doubt}`),
    ...advice.map((each) => `${pc.yellow("take care")}  ${each}`),
  ].join("\n");
}

function heldSince({ by, host, pid, openedAt, until }: HeldBy): string {
  const leftMs = until - Date.now();
  const lease =
    leftMs > 0
      ? `held for another ${formatMilliseconds(leftMs)}`
      : pc.red("its hold has ended. Open it: npx taskmaster deploy abort");
  return `closed by ${by} on ${host} (process ${pid}) at ${localTime(new Date(openedAt))}; ${lease}`;
}
