import { execFileSync } from "node:child_process";
import { existsSync, readdirSync } from "node:fs";
import { join } from "node:path";
import { Client } from "pg";
import { expect, test } from "vitest";
import {
  emptyFolder,
  gone,
  isAlive,
  openHere,
  postgresOf,
  query,
  startMember,
  supervisorOf,
  until,
  usedFolder,
} from "./places.ts";

test("a killed supervisor takes Postgres along, its members get another one, and no row is missing", async () => {
  const folder = await usedFolder();
  const member = await startMember(folder);
  await query(member.url, "create table kept as select 1 as one");
  const [supervisor, postgres] = [supervisorOf(folder), postgresOf(folder)];
  process.kill(supervisor, "SIGKILL");
  await gone(postgres);
  await until(() => supervisorOf(folder) !== supervisor, "the next supervisor");
  await using newcomer = await openHere(folder);
  expect(newcomer).toMatchObject({ startedHere: false, url: member.url });
  expect(await query(member.url, "select * from kept")).toEqual([{ one: 1 }]);

  // The member that lived through it counts: nobody else is left, and Postgres goes on.
  await newcomer.leave();
  const [rejoined, running] = [supervisorOf(folder), postgresOf(folder)];
  await member.leave();
  await gone(running);
  await gone(rejoined);
});

test("a Postgres whose supervisor and guard were both killed is stopped and started by the next supervisor", async () => {
  const folder = await usedFolder();
  const member = await startMember(folder);
  await query(member.url, "create table kept as select 1 as one");
  const [supervisor, postgres] = [supervisorOf(folder), postgresOf(folder)];
  // Stopped, neither can react to the other's end before its own.
  const family = [supervisor, ...guardsOf(postgres), member.child.pid ?? 0];
  for (const signal of ["SIGSTOP", "SIGKILL"] as const) for (const pid of family) process.kill(pid, signal);
  for (const pid of family) await gone(pid);
  expect(isAlive(postgres)).toBe(true);

  await using next = await openHere(folder);
  expect(isAlive(postgres)).toBe(false);
  expect(next).toMatchObject({ startedHere: true, url: member.url });
  expect(await query(next.url, "select * from kept")).toEqual([{ one: 1 }]);
});

test("a killed Postgres is started again on the same port, with what was committed", async () => {
  const folder = await usedFolder();
  await using database = await openHere(folder);
  await query(database.url, "create table kept as select 1 as one");
  const busy = new Client({ connectionString: database.url });
  await busy.connect();
  const cut = new Promise((done) => busy.on("error", done));
  const supervisor = supervisorOf(folder);
  // The second and the third one are killed as soon as they can be, while they start.
  const killed: number[] = [];
  for (let kills = 0; kills < 3; kills++) {
    await until(() => postgresOf(folder) > 0 && !killed.includes(postgresOf(folder)), "another Postgres");
    killed.push(postgresOf(folder));
    process.kill(postgresOf(folder), "SIGKILL");
  }
  await cut;
  const kept = () => query(database.url, "select * from kept").catch(() => undefined);
  await until(async () => (await kept()) !== undefined, "Postgres answering again");
  expect(await kept()).toEqual([{ one: 1 }]);
  expect(supervisorOf(folder)).toBe(supervisor);
  expect(killed).not.toContain(postgresOf(folder));
});

test("a supervisor killed while it makes the data leaves nothing that counts", async () => {
  const folder = emptyFolder();
  const killed = await startKilledDuringInitdb(folder);
  expect(existsSync(join(folder, "data"))).toBe(false);
  await using database = await openHere(folder);
  expect(supervisorOf(folder)).not.toBe(killed);
  expect(await query(database.url, "select current_database() as name")).toEqual([{ name: "taskmaster" }]);
  expect(readdirSync(folder).filter((name) => name.endsWith(".partial"))).toEqual([]);
});

/** The processes that would stop a Postgres when its supervisor ends. */
function guardsOf(postgres: number): number[] {
  const processes = execFileSync("ps", ["-eo", "pid=,args="], { encoding: "utf8", maxBuffer: 1 << 24 }).split("\n");
  const guards = processes.filter((line) => line.includes(`kill -INT ${postgres}`) && line.includes("/bin/sh"));
  expect(guards).toHaveLength(1);
  return guards.map((line) => Number.parseInt(line, 10));
}

/** Kills the supervisor, and the member that would start another, as soon as the data folder has begun to fill. */
async function startKilledDuringInitdb(folder: string): Promise<number> {
  const opening = startMember(folder).catch((error) => error);
  const partial = () => readdirSync(folder).find((name) => name.startsWith("data.") && name.endsWith(".partial"));
  await until(() => existsSync(join(folder, partial() ?? "nothing", "base")), "initdb at work");
  const supervisor = supervisorOf(folder);
  const member = execFileSync("ps", ["-eo", "pid=,args="], { encoding: "utf8", maxBuffer: 1 << 24 })
    .split("\n")
    .find((line) => line.includes("member.mjs") && line.endsWith(folder));
  process.kill(Number.parseInt(member ?? "", 10), "SIGKILL");
  process.kill(supervisor, "SIGKILL");
  expect(await opening).toBeInstanceOf(Error);
  await gone(supervisor);
  return supervisor;
}
