import { expect, test } from "vitest";
import { Database } from "../../../src/engine/database.ts";
import { JobNumbers } from "../../../src/engine/job-numbers.ts";
import { testDatabase } from "../../setup/database.ts";

/** Counts how often numbers were reserved. */
class Counting extends Database {
  reservations = 0;

  override again: Database["again"] = (statement, values, options) => {
    this.reservations++;
    return super.again(statement, values, options);
  };
}

async function counting(): Promise<Counting> {
  const { url } = await testDatabase();
  return new Counting({ url });
}

test("no number is handed out twice, to however many callers of however many producers at once", async () => {
  const database = await counting();
  const producers = [new JobNumbers(database), new JobNumbers(database)];
  const sizes = [1, 1, 49, 1, 250, 1, 1_000, 3, 1, 777];
  const taken = await Promise.all(
    producers.flatMap((numbers) => Array.from({ length: 20 }, (_, turn) => numbers.take(sizes[turn % 10] ?? 1))),
  );
  const all = taken.flat();
  expect(all).toHaveLength(4 * sizes.reduce((sum, size) => sum + size));
  expect(new Set(all).size).toBe(all.length);
  await database.end();
});

test("a quiet producer reserves a block at a time, before it needs it", async () => {
  const database = await counting();
  const numbers = new JobNumbers(database);
  await numbers.take(1);
  for (let used = 1; used < 50; used++) await numbers.take(1);
  expect(database.reservations).toBe(1);
  await numbers.take(1); // more than half of it is gone
  expect(database.reservations).toBe(2);
  await database.end();
});

test("what was prepared is handed out without a question, and a first job meanwhile asks for no other", async () => {
  const database = await counting();
  const numbers = new JobNumbers(database);
  numbers.prepare();
  expect(new Set(await numbers.take(10)).size).toBe(10);
  expect(database.reservations).toBe(1);
  await database.end();
});

test("a busy producer reserves ever more at once", async () => {
  const database = await counting();
  const numbers = new JobNumbers(database);
  for (let job = 0; job < 20_000; job++) await numbers.take(1);
  expect(database.reservations).toBeLessThan(40); // of 100 each they would be 200
  await database.end();
});

test("where reserving ahead fails, the next caller reserves again", async () => {
  const database = await counting();
  const numbers = new JobNumbers(database);
  const { again } = database;
  await numbers.take(50);
  database.again = () => Promise.reject(new Error("not now"));
  await numbers.take(1);
  database.again = again;
  const taken = await numbers.take(100);
  expect(new Set(taken).size).toBe(100);
  await database.end();
});
