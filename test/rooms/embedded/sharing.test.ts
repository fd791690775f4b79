import { execFileSync } from "node:child_process";
import { existsSync, readFileSync, statSync, symlinkSync } from "node:fs";
import { join } from "node:path";
import { Client } from "pg";
import { expect, test } from "vitest";
import {
  emptyFolder,
  gone,
  openHere,
  postgresOf,
  query,
  startMember,
  subfolder,
  supervisorOf,
  until,
  usedFolder,
} from "./places.ts";

test("the first process starts Postgres, the second shares it, and the last to leave stops it", async () => {
  const folder = join(emptyFolder(), ".taskmaster");
  const first = await startMember(folder);
  expect(first).toMatchObject({ startedHere: true, folder, version: expect.stringMatching(/^\d+\.\d+$/) });
  expect(first.progress).toEqual([`Making a Postgres ${first.version} database in ${folder}.`]);
  await query(first.url, "create table seen (who text)");
  await query(first.url, "insert into seen values ('first')");

  const second = await startMember(folder);
  expect(second).toMatchObject({ startedHere: false, url: first.url });
  expect(await query(second.url, "select * from seen")).toEqual([{ who: "first" }]);

  const [supervisor, postgres] = [supervisorOf(folder), postgresOf(folder)];
  await first.leave();
  await first.leave();
  expect(await query(second.url, "select who from seen")).toHaveLength(1);

  const watching = new Client({ connectionString: second.url });
  await watching.connect();
  const shutDown = new Promise((done) => watching.on("error", done));
  await second.leave();
  expect(await shutDown).toMatchObject({ code: "57P01" });
  await gone(postgres);
  await gone(supervisor);

  const third = await startMember(folder);
  expect(third).toMatchObject({ startedHere: true, url: first.url, progress: [] });
  expect(await query(third.url, "select who from seen")).toEqual([{ who: "first" }]);
});

test("ten processes at once start one supervisor and one Postgres", async () => {
  const folder = emptyFolder();
  const members = await Promise.all(Array.from({ length: 10 }, () => startMember(folder)));
  expect(new Set(members.map(({ url }) => url)).size).toBe(1);
  expect(members.filter(({ startedHere }) => startedHere)).toHaveLength(1);
  expect(supervisors(folder)).toEqual([supervisorOf(folder)]);
  const [row] = await query(
    members[0]?.url ?? "",
    "select current_setting('max_connections') as max, pg_postmaster_start_time()",
  );
  expect(row).toMatchObject({ max: "200" });
});

test("a member that is killed has left, and one that forgets to leave can still exit", async () => {
  const folder = await usedFolder();
  // The first one, whose child the supervisor was.
  const interrupted = await startMember(folder);
  const [killed, forgetful] = await Promise.all([startMember(folder), startMember(folder)]);
  const supervisor = supervisorOf(folder);
  await interrupted.kill("SIGINT");
  await killed.kill("SIGKILL");
  expect(await query(forgetful.url, "select 1 as one")).toEqual([{ one: 1 }]);
  await forgetful.forget();
  expect(forgetful.child.exitCode).toBe(0);
  await gone(supervisor);
  expect(existsSync(join(folder, "data/postmaster.pid"))).toBe(false);
});

test("a member that comes within the linger, or while Postgres stops, is served", async () => {
  const folder = await usedFolder();
  const first = await openHere(folder);
  const supervisor = supervisorOf(folder);
  await first.leave();
  const soon = await openHere(folder);
  expect(soon).toMatchObject({ startedHere: false, url: first.url });
  expect(supervisorOf(folder)).toBe(supervisor);

  const log = () => readFileSync(join(folder, "postgres.log"), "utf8");
  await soon.leave();
  await until(() => log().includes("received fast shutdown request"), "Postgres stopping");
  await using late = await openHere(folder);
  expect(await query(late.url, "select 1 as one")).toEqual([{ one: 1 }]);
});

test("Postgres listens to this machine alone, is durable, and wants the password", async () => {
  const folder = await usedFolder();
  await using database = await openHere(folder);
  const [settings] = await query(
    database.url,
    "select current_setting('fsync') as fsync, current_setting('synchronous_commit') as commit, current_setting('listen_addresses') as listen, current_setting('full_page_writes') as pages, current_setting('TimeZone') as zone, current_setting('server_encoding') as encoding, lower('Ä') as lower, current_database() as name",
  );
  const expected = { fsync: "on", commit: "on", pages: "on", listen: "127.0.0.1", zone: "UTC", encoding: "UTF8" };
  expect(settings).toEqual({ ...expected, lower: "ä", name: "taskmaster" });
  await expect(query(database.url.replace(/:[0-9a-f]+@/, ":wrong@"), "select 1")).rejects.toMatchObject({
    code: "28P01",
  });
  expect(readFileSync(join(folder, "url"), "utf8").trim()).toBe(database.url);
  for (const secret of ["url", "postgres.log"]) expect(statSync(join(folder, secret)).mode & 0o077).toBe(0);
});

test("a folder reached through a link is the same folder, and a deep one works", async () => {
  const root = emptyFolder();
  const deep = subfolder(root, ...Array.from({ length: 5 }, (_, level) => `${level}-`.padEnd(45, "x")));
  expect(deep.length).toBeGreaterThan(220);
  symlinkSync(deep, join(root, "short"));
  await using first = await openHere(deep);
  await using second = await openHere(join(root, "short"));
  expect(second).toMatchObject({ folder: deep, url: first.url, startedHere: false });
  expect(await query(second.url, "select 1 as one")).toEqual([{ one: 1 }]);
});

/** The supervisors that run for a folder, by their command line. */
function supervisors(folder: string): number[] {
  const processes = execFileSync("ps", ["-eo", "pid=,args="], { encoding: "utf8", maxBuffer: 1 << 24 }).split("\n");
  return processes.filter((line) => line.includes(`Postgres of ${folder}`)).map((line) => Number.parseInt(line, 10));
}
