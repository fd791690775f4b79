import pg from "pg";
import { Taskmaster, task } from "taskmaster";
import { expect, onTestFinished, test } from "vitest";
import { z } from "zod";
import { testDatabase } from "../../setup/database.ts";

const note = task("note")
  .payload(z.object({ text: z.string() }))
  .interruptible(() => {});

/** Enqueues within a transaction, and tells how long the values of each statement were, in characters. */
async function statementsOf(texts: readonly string[]): Promise<{ lengths: number[]; written: number }> {
  const { url } = await testDatabase();
  const taskmaster = new Taskmaster({ database: url, release: "r1", tasks: [note] });
  const client = new pg.Client(url);
  onTestFinished(async () => {
    await client.end();
    await taskmaster.stop();
  });
  await client.connect();
  await client.query("begin");
  const lengths: number[] = [];
  const query = async (text: string, values: unknown[] = []) => {
    lengths.push(values.reduce((sum: number, value) => sum + String(value).length, 0));
    return client.query(text, values);
  };
  const jobs = await taskmaster.enqueueMany(
    note,
    texts.map((text) => ({ text })),
    { within: { query } },
  );
  await client.query("commit");
  const { rows } = await client.query("select count(*)::int as written from taskmaster.job where id = any($1)", [
    jobs.map(({ id }) => id),
  ]);
  return { lengths, written: rows[0]?.written };
}

test("many large payloads are written in several statements, none of which is longer than a string can be", async () => {
  const { lengths, written } = await statementsOf(Array.from({ length: 40 }, (_, n) => `${n % 10}`.repeat(900_000)));
  expect(written).toBe(40);
  expect(lengths.length).toBe(3);
  expect(Math.max(...lengths)).toBeLessThan(17_000_000);
});

test("small ones a thousand at a time", async () => {
  const { lengths, written } = await statementsOf(Array.from({ length: 2_001 }, () => "small"));
  expect(written).toBe(2_001);
  expect(lengths.length).toBe(3);
});
