import pg from "pg";
import { expect, onTestFinished, test, vi } from "vitest";
import { Connections } from "../../../src/engine/connections.ts";
import { testDatabase } from "../../setup/database.ts";
import { passage } from "../../setup/passage.ts";
import { until } from "../../setup/until.ts";

async function connections(most: number, { connectionTimeoutMillis = 10_000, least = 0, settings = "select" } = {}) {
  const { url, sql } = await testDatabase();
  const way = await passage(url);
  const opened = new Connections({
    config: { connectionString: way.url, connectionTimeoutMillis },
    most,
    least,
    settings,
  });
  onTestFinished(() => opened.end());
  return { opened, way, sql };
}

async function backend(client: pg.Client): Promise<number> {
  const { rows } = await client.query<{ pid: number }>("select pg_backend_pid() as pid");
  return rows[0]?.pid ?? 0;
}

test("who finds all connections busy gets the one that is given back, where a new one is not open yet", async () => {
  const { opened, way } = await connections(5);
  const first = await opened.take();
  way.let("waiting");
  const second = opened.take();
  await until("a new connection is being opened", () => way.came === 2);
  opened.giveBack(first, false);
  expect(await second).toBe(first);

  way.let("open");
  const third = await opened.take(); // the new one has not been opened in vain
  expect(third).not.toBe(first);
  expect(way.came).toBe(2);
  for (const client of [first, third]) opened.giveBack(client, false);
});

test("who waits is served in the order in which they came, by no more connections than there may be", async () => {
  const { opened, way } = await connections(2);
  const served: number[] = [];
  await Promise.all(
    Array.from({ length: 20 }, async (_, caller) => {
      const client = await opened.take();
      served.push(caller);
      await backend(client);
      opened.giveBack(client, false);
    }),
  );
  expect(served).toEqual(Array.from({ length: 20 }, (_, caller) => caller));
  expect(way.came).toBe(2);
});

test("those who come at once are served by what is there, for as long as one more is being opened", async () => {
  const { opened, way } = await connections(6);
  const first = await opened.take();
  opened.giveBack(first, false);
  way.let("waiting"); // a slow opening
  await Promise.all(
    Array.from({ length: 6 }, async () => {
      const client = await opened.take();
      expect(client).toBe(first);
      await backend(client);
      opened.giveBack(client, false);
    }),
  );
  await until("another one is being opened", () => way.came === 2);
  way.let("open");
});

test("as many are opened as are needed at once", async () => {
  const { opened, way } = await connections(4);
  const clients = await Promise.all([1, 2, 3, 4].map(() => opened.take()));
  expect(new Set(clients).size).toBe(4);
  expect(way.came).toBe(4);
  for (const client of clients) opened.giveBack(client, false);
});

test("a connection that broke while it was idle is given to nobody", async () => {
  const { opened, sql } = await connections(1);
  const client = await opened.take();
  const pid = await backend(client);
  opened.giveBack(client, false);
  const ended = new Promise<void>((resolve) => client.once("end", resolve));
  await sql.query("select pg_terminate_backend($1)", [pid]);
  await ended;
  const next = await opened.take();
  expect(await backend(next)).not.toBe(pid);
  opened.giveBack(next, false);
});

test("a connection that broke while it was busy is replaced for those who wait", async () => {
  const { opened, sql } = await connections(1);
  const client = await opened.take();
  const waiting = opened.take();
  const ended = new Promise<void>((resolve) => client.once("end", resolve));
  await sql.query("select pg_terminate_backend($1)", [await backend(client)]);
  await ended;
  const next = await waiting;
  expect(next).not.toBe(client);
  expect(await backend(next)).toBeGreaterThan(0);
  opened.giveBack(client, true);
  opened.giveBack(next, false);
});

test("where no connection can be opened all that wait are told why, and the next one asks again", async () => {
  const { opened, way } = await connections(2);
  way.let("refused");
  const why = "Connection terminated unexpectedly";
  await Promise.all([1, 2, 3].map(() => expect(opened.take()).rejects.toThrow(why)));
  expect(way.came).toBe(1);
  await expect(opened.take()).rejects.toThrow(why);
  expect(way.came).toBe(2);
  way.let("open");
  opened.giveBack(await opened.take(), false);
});

test("an address that makes no sense is told at once", async () => {
  const opened = new Connections({
    config: { connectionString: "postgres://127.0.0.1:port/database", connectionTimeoutMillis: 60_000 },
    most: 1,
  });
  await expect(opened.take()).rejects.toThrow("Invalid URL");
  await opened.end();
});

test("where another connection cannot be opened, those that are there go round", async () => {
  const { opened, way } = await connections(3);
  const first = await opened.take();
  way.let("refused");
  const waiting = [opened.take(), opened.take()];
  await until("it has been refused", () => way.came === 2);
  opened.giveBack(first, false);
  expect(await waiting[0]).toBe(first);
  opened.giveBack(first, false);
  expect(await waiting[1]).toBe(first);
  opened.giveBack(first, false);
  expect(way.came).toBe(2); // and was not asked again at once
});

test("and it is asked again a second later, for whoever waits still", async () => {
  const { opened, way } = await connections(2);
  const first = await opened.take();
  way.let("refused");
  const waiting = opened.take();
  await until("it has been refused", () => way.came === 2);
  way.let("open");
  const second = await waiting;
  expect(second).not.toBe(first);
  for (const client of [first, second]) opened.giveBack(client, false);
});

test("what rests for half a minute is closed, but for as many as are to stay", async () => {
  vi.useFakeTimers({ toFake: ["setInterval", "clearInterval", "performance"] });
  onTestFinished(() => void vi.useRealTimers());
  for (const least of [0, 1]) {
    const { opened, sql } = await connections(3, { least });
    const clients = await Promise.all([1, 2, 3].map(() => opened.take()));
    const pids = await Promise.all(clients.map(backend));
    for (const client of clients) opened.giveBack(client, false);
    const there = async () =>
      (await sql.query("select from pg_stat_activity where pid = any($1)", [pids])).rowCount ?? 0;
    vi.advanceTimersByTime(25_000);
    expect(await there()).toBe(3);
    vi.advanceTimersByTime(600_000);
    await until("the database has seen them go", async () => (await there()) === least);
    const next = await opened.take();
    expect(pids.includes(await backend(next))).toBe(least === 1);
    opened.giveBack(next, false);
  }
});

test("a connection that was opened elsewhere is used like any other, and counts", async () => {
  const { opened, way } = await connections(1);
  const elsewhere = new pg.Client(way.url);
  await elsewhere.connect();
  await opened.adopt(elsewhere);
  const client = await opened.take();
  expect(client).toBe(elsewhere);
  const waiting = opened.take();
  opened.giveBack(client, false);
  opened.giveBack(await waiting, false);
  expect(way.came).toBe(1);
});

test("one that does not take the settings is closed, and its error told", async () => {
  const { opened, way } = await connections(1, { settings: "set no.such, setting" });
  const elsewhere = new pg.Client(way.url);
  await elsewhere.connect();
  const ended = new Promise<void>((resolve) => elsewhere.once("end", resolve));
  await expect(opened.adopt(elsewhere)).rejects.toThrow("syntax error");
  await ended;
});

test("nobody waits longer than a connection may take to open", async () => {
  const { opened } = await connections(1, { connectionTimeoutMillis: 200 });
  const client = await opened.take();
  await expect(opened.take()).rejects.toThrow("timeout exceeded");
  opened.giveBack(client, false);
  expect(await opened.take()).toBe(client); // and what was given back meanwhile is not lost to who gave up
  opened.giveBack(client, false);
});

test("the end waits for what is busy, closes all, and tells who waits", async () => {
  const { opened, sql } = await connections(1);
  const client = await opened.take();
  const pid = await backend(client);
  const waiting = opened.take();
  const refused = expect(waiting).rejects.toThrow("have been closed");
  let ended = false;
  const end = Promise.all([opened.end(), opened.end()]).then(() => {
    ended = true;
  });
  await refused;
  expect(await backend(client)).toBe(pid);
  expect(ended).toBe(false);
  opened.giveBack(client, false);
  await end;
  await until("the database has seen it go", async () => {
    const { rows } = await sql.query("select from pg_stat_activity where pid = $1", [pid]);
    return rows.length === 0;
  });
  await expect(opened.take()).rejects.toThrow("have been closed");
});
