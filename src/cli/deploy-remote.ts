import pc from "picocolors";
import { formatMilliseconds } from "../contract/duration.ts";
import type { FleetView, HeldBy, Outcome, RemoteFleet } from "../fleets/fleet.ts";
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

/** Answers with the names of those that are closed. */
export async function extendRemote(fleets: readonly RemoteFleet[], ms: number): Promise<string[]> {
  const extended: string[] = [];
  for (const fleet of fleets) {
    if ((await fleet.adopt()) === undefined) continue;
    await fleet.extend(ms);
    extended.push(fleet.name);
  }
  return extended;
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

export function describeRemote({ name, gate, view: { processes, attempts, doubts } }: Looked): string {
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
