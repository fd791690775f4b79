import { execFileSync, spawn } from "node:child_process";
import { once } from "node:events";
import { readdirSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { createServer } from "node:net";
import { join } from "node:path";
import { expect, test } from "vitest";
import { EmbeddedFolderError, EmbeddedVersionError } from "../../../src/embedded/error.ts";
import { latest } from "../../../src/embedded/leadership.js";
import {
  closePlace,
  emptyFolder,
  gone,
  isAlive,
  openHere,
  postgresOf,
  query,
  supervisorOf,
  usedFolder,
} from "./places.ts";

test("stale files are seen through: a recycled pid, a lost url, a taken port, a long log", async () => {
  const folder = await usedFolder();
  const first = await openHere(folder);
  await query(first.url, "create table kept as select 1 as one");
  const pidFile = readFileSync(join(folder, "data/postmaster.pid"), "utf8");
  await first.leave();
  await closePlace(folder);

  // A live process of the user that Postgres runs as: Postgres alone would refuse to start.
  const owner = Number(execFileSync("stat", ["-c", "%u", join(folder, "data")], { encoding: "utf8" }));
  const stranger = spawn("sleep", ["60"], { uid: owner, stdio: "ignore" });
  await once(stranger, "spawn");
  writeFileSync(join(folder, "data/postmaster.pid"), pidFile.replace(/^\d+/, `${stranger.pid}`));
  rmSync(join(folder, "url"));
  writeFileSync(join(folder, "postgres.log"), "an old line\n".repeat(500_000));
  const second = await openHere(folder);
  expect(isAlive(stranger.pid ?? 0)).toBe(true);
  expect(statSync(join(folder, "postgres.log")).size).toBeLessThan(10_000);
  expect(readFileSync(join(folder, "postgres.log.1"), "utf8")).toMatch(/^an old line\n/);
  stranger.kill();
  expect(new URL(second.url).password).not.toBe(new URL(first.url).password);
  expect(await query(second.url, "select * from kept")).toEqual([{ one: 1 }]);
  await second.leave();
  await closePlace(folder);

  const squatter = createServer().listen(Number(new URL(second.url).port), "127.0.0.1");
  await once(squatter, "listening");
  await using third = await openHere(folder);
  squatter.close();
  expect(new URL(third.url).port).not.toBe(new URL(second.url).port);
  expect(new URL(third.url).password).toBe(new URL(second.url).password);
  expect(await query(third.url, "select * from kept")).toEqual([{ one: 1 }]);
});

test("a copy of a folder that is in use is a database of its own", async () => {
  const folder = await usedFolder();
  await using original = await openHere(folder);
  const copy = join(emptyFolder(), "copy");
  execFileSync("cp", ["-a", folder, copy]);
  await using copied = await openHere(copy);
  expect(copied).toMatchObject({ startedHere: true, folder: copy });
  expect(copied.url).not.toBe(original.url);
  await query(copied.url, "create table mine ()");
  await expect(query(original.url, "select * from mine")).rejects.toMatchObject({ code: "42P01" });
  expect(supervisorOf(folder)).not.toBe(supervisorOf(copy));
});

test("data of another major version, or what is no data, is refused and left alone", async () => {
  const folder = await usedFolder();
  const first = await openHere(folder);
  await first.leave();
  await closePlace(folder);
  const version = join(folder, "data/PG_VERSION");
  writeFileSync(version, "17\n");
  const older = await openHere(folder).catch((error) => error);
  expect(older).toBeInstanceOf(EmbeddedVersionError);
  expect(older).toMatchObject({ code: "TASKMASTER_EMBEDDED_VERSION", found: "17", installed: first.version, folder });
  expect(older.message).toContain(`remove ${folder}`);
  // The next one is told as well, whether the refusing supervisor still lives or not.
  await expect(openHere(folder)).rejects.toBeInstanceOf(EmbeddedVersionError);
  await gone(latest(folder)?.pid ?? 0);

  rmSync(version);
  await expect(openHere(folder)).rejects.toBeInstanceOf(EmbeddedFolderError);
  expect(readdirSync(join(folder, "data"))).toContain("pg_wal");
  await gone(latest(folder)?.pid ?? 0);
});

test("a folder removed while it is in use takes its Postgres along", async () => {
  const folder = await usedFolder();
  const database = await openHere(folder);
  const [supervisor, postgres] = [supervisorOf(folder), postgresOf(folder)];
  rmSync(folder, { recursive: true, force: true, maxRetries: 10 });
  await gone(postgres);
  await gone(supervisor);
  await using fresh = await openHere(folder);
  expect(fresh.startedHere).toBe(true);
  expect(fresh.url).not.toBe(database.url);
});
