import { expect, onTestFinished, test } from "vitest";
import { openDatabase } from "../../../src/process/sessions.ts";
import { testDatabase } from "../../setup/database.ts";
import { passage } from "../../setup/passage.ts";
import { until } from "../../setup/until.ts";

const who = {
  name: "sessions_test_who",
  text: "select pg_backend_pid() as pid, current_setting('statement_timeout') as timeout",
};

interface Who {
  readonly pid: number;
  readonly timeout: string;
}

async function opening({ inLine }: { inLine: boolean }) {
  const { url, sql } = await testDatabase();
  const way = await passage(url);
  const applicationName = "sessions test";
  const open = () => openDatabase({ url: way.url, inLine, applicationName });
  const left = async () => {
    const { rows } = await sql.query<{ pid: number }>("select pid from pg_stat_activity where application_name = $1", [
      applicationName,
    ]);
    return rows.map(({ pid }) => pid);
  };
  return { open, left, way };
}

test("the two connections that tell what connections are go on: one for statements, one for those in line", async () => {
  const { open, way } = await opening({ inLine: true });
  const { database, sessions } = await open();
  onTestFinished(() => database.end());
  expect(sessions).toBe(true);
  const [one] = await database.query<Who>(who);
  const [two] = await database.queryInLine<Who>(who);
  expect(two?.pid).not.toBe(one?.pid);
  expect([one?.timeout, two?.timeout]).toEqual(["30s", "30s"]); // they have been told what every connection is told
  expect(way.came).toBe(2);
});

test("where nothing is to be sent in line, one of them is closed", async () => {
  const { open, left, way } = await opening({ inLine: false });
  const { database } = await open();
  onTestFinished(() => database.end());
  const [one] = await database.query<Who>(who);
  await until("the database has seen the other one go", async () => (await left()).length === 1);
  expect(await left()).toEqual([one?.pid]);
  expect(way.came).toBe(2);
});

test("where one of them cannot be opened, the other is closed", async () => {
  const { open, left, way } = await opening({ inLine: true });
  way.let("one more");
  await expect(open()).rejects.toThrow(/ECONNRESET|Connection terminated unexpectedly/);
  expect(way.came).toBe(2);
  await until("the database has seen it go", async () => (await left()).length === 0);
});
