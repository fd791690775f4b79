import { appendFileSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { keyset, type Line, lines, type ResumableSource, task } from "taskmaster";
import { expect, onTestFinished, test } from "vitest";
import { z } from "zod";
import { until } from "../../setup/until.ts";
import { gate, stage } from "./stage.ts";

const empty = z.object({});
const soon = { backoff: { first: 1, max: 1 } };
const numbers = (count: number) => Array.from({ length: count }, (_, n) => n);

/** 0, 1, 2 … as a service with pages would give them. */
function counter(count: number): ResumableSource<number, number> {
  return {
    cursorOf: (n) => n,
    async *after(cursor) {
      for (let n = (cursor ?? -1) + 1; n < count; n++) yield n;
    },
  };
}

/** The same in lists, of as many as are told. */
const inLists = (count: number, most: number): ResumableSource<number, number> => ({
  ...counter(count),
  async *pages(cursor) {
    for (let n = (cursor ?? -1) + 1; n < count; n += most) yield numbers(count).slice(n, n + most);
  },
});

/** The same by an iterator that does not wait. */
const atOnce = (count: number): ResumableSource<number, number> => ({
  cursorOf: (n) => n,
  after: (cursor) => numbers(count).slice((cursor ?? -1) + 1),
});

test.each([
  ["an array", numbers(10)],
  ["a source with a cursor", counter(10)],
  ["a source that does not wait", atOnce(10)],
  ["a source in lists, at the beginning of one", inLists(10, 4)],
  ["a source in lists, at the second of one", inLists(10, 3)],
  ["a source in lists, at the end of one", inLists(10, 5)],
])("a loop over %s goes on where it was, and is over when it is over", async (_, source) => {
  const { run, checkpoints } = await stage();
  const seen: number[] = [];
  const loops = task("each.loops")
    .payload(empty)
    .interruptible(soon, async (_, ctx) => {
      for await (const n of ctx.each("numbers", source, { checkpoint: { items: 1 } })) {
        seen.push(n);
        if (n === 4 && ctx.job.attempt === 1) throw new Error("in the middle of 4");
      }
      if (ctx.job.attempt < 3) throw new Error("after the loop");
    });
  const id = await run(loops, {});
  expect(seen).toEqual([0, 1, 2, 3, 4, 4, 5, 6, 7, 8, 9]);
  expect(await checkpoints(id)).toEqual([]);
});

test("the place is recorded by count and by time, while the loop goes on, and at its end", async () => {
  const { run, checkpoints } = await stage();
  const recorded: unknown[] = [];
  const look = async (id: string) => recorded.push((await checkpoints(id))[0]?.value);
  const loops = task("each.counts")
    .payload(empty)
    .interruptible(async (_, ctx) => {
      for await (const n of ctx.each("by count", numbers(1_000), { checkpoint: { items: 100, time: "1h" } }))
        if (n === 950) await look(ctx.job.id);
    });
  await run(loops, {});
  const [byCount] = recorded as [{ items: number; length: number }];
  expect(byCount.length).toBe(1_000);
  expect(byCount.items).toBeGreaterThanOrEqual(700); // nine were due; the last two may be on their way
  const times = task("each.times")
    .payload(empty)
    .interruptible(async (_, ctx) => {
      for await (const n of ctx.each("by time", numbers(100), { checkpoint: { time: 5 } })) {
        await new Promise((resolve) => setTimeout(resolve, 1));
        if (n === 99) await look(ctx.job.id);
      }
      recorded.push((await checkpoints(ctx.job.id))[0]);
    });
  await run(times, {});
  expect((recorded[1] as { items: number }).items).toBeGreaterThan(50);
  expect(recorded[2]).toMatchObject({ kind: "each", value: { items: 100, done: true } });
});

test("an interruption is noticed between two items, and the next worker goes on with the next item", async () => {
  const { taskmaster, work, events, sql } = await stage();
  const seen: number[] = [];
  const inTheMiddle = gate();
  const loops = task("each.interrupted")
    .payload(empty)
    .interruptible(async (_, ctx) => {
      for await (const n of ctx.each("numbers", numbers(10))) {
        if (n === 5 && ctx.job.delivery === 1) {
          inTheMiddle.open();
          await new Promise((resolve) => ctx.signal.addEventListener("abort", resolve));
        }
        seen.push(n);
      }
    });
  const { id } = await taskmaster.enqueue(loops, {});
  const first = await work([loops]);
  await inTheMiddle.opened;
  await first.stop();
  expect(seen).toEqual([0, 1, 2, 3, 4, 5]);
  const { rows } = await sql.query("select failures, interruptions from taskmaster.job where id = $1", [id]);
  expect(rows).toEqual([{ failures: 0, interruptions: 1 }]);
  const second = await work([loops]);
  await events.next("job.succeeded");
  await second.stop();
  expect(seen).toEqual(numbers(10));
});

test("a dozen iterations at once all notice an interruption, and Node warns of no leak", async () => {
  const { taskmaster, work, events } = await stage();
  const warnings: Error[] = [];
  const warned = (warning: Error) => void warnings.push(warning);
  process.on("warning", warned);
  onTestFinished(() => void process.off("warning", warned));
  const loops = numbers(12);
  const seen = loops.map(() => [] as number[]);
  const inTheMiddle = gate();
  let waiting = 0;
  const dozen = task("each.dozen")
    .payload(empty)
    .interruptible(async (_, ctx) => {
      const loop = async (place: number) => {
        for await (const n of ctx.each(`loop ${place}`, numbers(10))) {
          if (n === 5 && ctx.job.delivery === 1) {
            if (++waiting === loops.length) inTheMiddle.open();
            while (!ctx.signal.aborted) await new Promise((resolve) => setTimeout(resolve, 1));
          }
          seen[place]?.push(n);
        }
      };
      await Promise.all(loops.map(loop));
    });
  await taskmaster.enqueue(dozen, {});
  const first = await work([dozen]);
  await inTheMiddle.opened;
  await first.stop();
  expect(seen).toEqual(loops.map(() => [0, 1, 2, 3, 4, 5]));
  const second = await work([dozen]);
  await events.next("job.succeeded");
  await second.stop();
  expect(seen).toEqual(loops.map(() => numbers(10)));
  expect(warnings).toEqual([]);
});

test("another array, and a cursor that does not fit, hold the job with the reason", async () => {
  const { run, goOn, events } = await stage();
  const release = (source: readonly number[] | ResumableSource<number>, fail: boolean, schema?: z.ZodType) =>
    task("each.changed")
      .payload(empty)
      .interruptible({ attempts: 1 }, async (_, ctx) => {
        for await (const n of ctx.each("numbers", source, { checkpoint: { items: 1 }, ...(schema && { schema }) }))
          if (n === 4 && fail) throw new Error("deploy");
      });
  const id = await run(release(numbers(10), true), {}, "failed");
  await goOn(release(numbers(9), false), id, "held");
  expect(events.of("job.held").at(-1)).toMatchObject({
    reason: "unreadable-checkpoint",
    detail: expect.stringMatching(/were 10 and are 9 now/),
  });
  await goOn(release(counter(10) as never, false), id, "held");
  expect(events.of("job.held").at(-1)?.detail).toMatch(/went through an array of 10 items/);
  await goOn(release(numbers(10), false), id);

  const other = await run(release(counter(10) as never, true), {}, "failed");
  await goOn(release(counter(10) as never, false, z.string()), other, "held");
  expect(events.of("job.held").at(-1)?.detail).toMatch(/the cursor of "numbers" of each.changed/);
  await goOn(release(counter(10) as never, false, z.number()), other);
});

test.each([
  ["a source with a cursor", counter(10)],
  ["a source that does not wait", atOnce(10)],
  ["a source in lists, at the beginning of one", inLists(10, 3)],
  ["a source in lists, at the end of one", inLists(10, 4)],
])("break leaves a loop over %s for good only when its item has ended", async (_, source) => {
  const { run } = await stage();
  const seen: number[] = [];
  const breaks = task("each.break")
    .payload(empty)
    .interruptible(soon, async (_, ctx) => {
      for await (const n of ctx.each("numbers", source)) {
        seen.push(n);
        if (n === 3) break;
      }
      if (ctx.job.attempt === 1) throw new Error("again");
    });
  await run(breaks, {});
  expect(seen).toEqual([0, 1, 2, 3, 3]);
});

test("the end and the failure of an asynchronous source are recorded before anything else, though it is itself that the loop hears", async () => {
  const { run, checkpoints, sql } = await stage();
  const seen: number[] = [];
  const afterwards: unknown[] = [];
  let breaks = true;
  const flaky: ResumableSource<number, number> = {
    cursorOf: (n) => n,
    async *after(cursor) {
      for (let n = (cursor ?? -1) + 1; n < 6; n++) {
        if (n === 3 && breaks) {
          breaks = false;
          throw new Error("the source is gone");
        }
        yield n;
      }
    },
  };
  const child = task("each.child")
    .payload(empty)
    .short(() => {});
  const loops = task("each.ends")
    .payload(empty)
    .interruptible(soon, async (_, ctx) => {
      for await (const n of ctx.each("flaky", flaky)) seen.push(n);
      const isRecorded = async () => (await checkpoints(ctx.job.id)).some(({ value }) => (value as Place).done);
      await until("its end is recorded without another call", isRecorded);
      for await (const n of ctx.each("more", counter(3))) seen.push(n);
      await ctx.step("afterwards", async () => void afterwards.push(...(await checkpoints(ctx.job.id))));
      for await (const n of ctx.each("last", counter(2))) seen.push(n);
      await ctx.enqueue(child, {});
    });
  await run(loops, {});
  expect(seen).toEqual([0, 1, 2, 3, 4, 5, 0, 1, 2, 0, 1]);
  expect(afterwards).toMatchObject([{ name: "flaky" }, { name: "more", value: { items: 3, done: true } }]);
  expect((await sql.query("select from taskmaster.job")).rows).toHaveLength(1);
});

interface Place {
  readonly done?: boolean;
}

test("keyset pages through a query by its key, whatever is added or deleted meanwhile", async () => {
  const { run, sql } = await stage();
  await sql.query(
    "create table users (id int primary key, name text); insert into users select n, 'u' || n from generate_series(1, 25) n",
  );
  const seen: number[] = [];
  const all = task("each.keyset")
    .payload(empty)
    .interruptible(soon, async (_, ctx) => {
      const users = keyset<{ id: number; name: string }>(
        sql as never,
        "select id, name from users where id > $1 order by id limit $2",
        { start: 0, key: ({ id }) => id, page: 10 },
      );
      for await (const { id, name } of ctx.each("users", users)) {
        expect(name).toBe(`u${id}`);
        seen.push(id);
        if (id === 12 && ctx.job.attempt === 1) {
          await sql.query("delete from users where id < 10; insert into users values (26, 'u26')");
          throw new Error("again");
        }
      }
    });
  await run(all, {});
  expect(seen).toEqual([...numbers(12).map((n) => n + 1), ...numbers(15).map((n) => n + 12)]);
});

test("keyset takes a key of several columns", async () => {
  const { sql } = await stage();
  await sql.query(
    "create table visits (day date, id int); insert into visits select '2026-01-01'::date + n / 3, n from generate_series(0, 9) n",
  );
  const visits = keyset<{ day: string; id: number }>(
    sql as never,
    "select day::text, id from visits where (day, id) > ($1, $2) order by day, id limit $3",
    { start: ["-infinity", 0], key: ({ day, id }) => [day, id], page: 4 },
  );
  const from = async (cursor: unknown) => {
    const ids: number[] = [];
    for await (const { id } of visits.after(cursor)) ids.push(id);
    return ids;
  };
  expect(await from(undefined)).toEqual(numbers(10));
  expect(await from(visits.cursorOf({ day: "2026-01-02", id: 4 }))).toEqual([5, 6, 7, 8, 9]);
});

test("lines reads on from the byte where it stopped, and takes what was added", async () => {
  const { run } = await stage();
  const folder = mkdtempSync(join(tmpdir(), "taskmaster-lines-"));
  onTestFinished(() => rmSync(folder, { recursive: true }));
  const file = join(folder, "users.csv");
  const texts = ["zoë", "", "b\r", "x".repeat(70_000), "日本", "last"];
  writeFileSync(file, texts.join("\n"));
  const seen: string[] = [];
  const all = task("each.lines")
    .payload(empty)
    .interruptible(soon, async (_, ctx) => {
      for await (const { text, number } of ctx.each("lines", lines(file))) {
        seen.push(`${number} ${text}`);
        if (number === 4 && ctx.job.attempt === 1) {
          appendFileSync(file, "\nadded\n");
          throw new Error("again");
        }
      }
    });
  await run(all, {});
  const expected = ["zoë", "", "b", "x".repeat(70_000), "x".repeat(70_000), "日本", "last", "added"];
  expect(seen.map((line) => line.replace(/^\d+ /, ""))).toEqual(expected);
  expect(seen.map((line) => Number.parseInt(line, 10))).toEqual([1, 2, 3, 4, 4, 5, 6, 7]);
  expect(() => lines(file).after({ number: 1, end: 1e9 })).not.toThrow();
  const beyond = (lines(file).after({ number: 1, end: 1e9 }) as AsyncIterable<unknown>)[Symbol.asyncIterator]();
  await expect(beyond.next()).rejects.toThrow(/not the same file any more/);
});

test.each(["a", "ä"])(
  "lines are found by their bytes, at any length and end, from any of them on: %s",
  async (letter) => {
    const folder = mkdtempSync(join(tmpdir(), "taskmaster-lines-"));
    onTestFinished(() => rmSync(folder, { recursive: true }));
    const file = join(folder, "lines.txt");
    const texts = Array.from({ length: 3_000 }, (_, index) => letter.repeat((index * 7) % 97)).concat("\rwithin", "");
    writeFileSync(file, texts.map((text, index) => text + (index % 3 === 0 ? "\r\n" : "\n")).join("") + letter);
    const all: Line[] = [];
    for await (const line of lines(file).after(undefined)) all.push(line);
    expect(all.map(({ text }) => text)).toEqual([...texts, letter]);
    for (const from of [1, 1_500, 2_999, 3_001]) {
      const behind: Line[] = [];
      for await (const line of lines(file).after(lines(file).cursorOf(all[from] as Line))) behind.push(line);
      expect(behind).toEqual(all.slice(from + 1));
    }
  },
);

test("each.tx handles every item exactly once, whatever throws between", async () => {
  const { run, sql } = await stage();
  await sql.query("create table ledger (n int)");
  let counted: number | undefined;
  const tries = new Map<number, number>();
  const all = task("each.tx")
    .payload(empty)
    .interruptible({ ...soon, attempts: 100 }, async (_, ctx) => {
      counted = await ctx.each.tx("numbers", numbers(95), { batch: 10 }, async (tx, batch) => {
        await tx.query("insert into ledger select * from unnest($1::int[])", [batch]);
        const [first = 0] = batch;
        tries.set(first, (tries.get(first) ?? 0) + 1);
        if (tries.get(first) === 1) throw new Error("after the insert");
      });
    });
  await run(all, {});
  expect(counted).toBe(95);
  const { rows } = await sql.query("select count(*)::int as count, count(distinct n)::int as different from ledger");
  expect(rows).toEqual([{ count: 95, different: 95 }]);
});
