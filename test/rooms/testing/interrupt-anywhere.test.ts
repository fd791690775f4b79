import { randomUUID } from "node:crypto";
import {
  appendFile as appendFileBack,
  appendFileSync,
  createWriteStream,
  existsSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from "node:fs";
import { appendFile, rename, writeFile } from "node:fs/promises";
import { createServer, request } from "node:http";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import pg from "pg";
import { type InterruptibleContext, NonRetryableError, Taskmaster, task } from "taskmaster";
import { interruptAnywhere, UnsafeTaskError, UnstableTaskError } from "taskmaster/testing";
import { describe, expect, onTestFinished, test } from "vitest";
import { z } from "zod";
import { testDatabase } from "../../setup/database.ts";

const n = z.object({ n: z.number() });
const child = task("proof.child")
  .payload(n)
  .short(() => {});

/** A world of a task's: rows, a mail server that counts, a file. */
async function world() {
  const { url, sql } = await testDatabase();
  await sql.query(
    "create table counter (n int); create table ledger (id text, note text); insert into counter values (0)",
  );
  const pool = new pg.Pool({ connectionString: url, max: 3 });
  const mails: string[] = [];
  const outbox: string[] = [];
  const keys = new Set<string>();
  const server = createServer((request, response) => {
    const key = request.headers["idempotency-key"];
    if (typeof key !== "string" || !keys.has(key)) mails.push(request.url ?? "");
    if (typeof key === "string") keys.add(key);
    response.end("{}");
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const folder = mkdtempSync(join(tmpdir(), "taskmaster-proof-"));
  const file = join(folder, "log.txt");
  const taskmaster = new Taskmaster({ database: url, release: "1" });
  onTestFinished(async () => {
    await taskmaster.stop();
    await pool.end();
    server.closeAllConnections();
    await new Promise((resolve) => server.close(resolve));
    rmSync(folder, { recursive: true });
  });
  const mail = (to: string, headers: Record<string, string> = {}) =>
    fetch(`http://127.0.0.1:${(server.address() as AddressInfo).port}/${to}`, { method: "POST", headers });
  const post = (to: string, headers: Record<string, string> = {}) =>
    new Promise<void>((resolve, reject) => {
      const { port } = server.address() as AddressInfo;
      const sent = request({ host: "127.0.0.1", port, path: `/${to}`, method: "POST", headers }, (response) =>
        response.resume().on("end", resolve),
      );
      sent.on("error", reject).end("body");
    });
  const prove = (run: (payload: unknown, ctx: InterruptibleContext) => unknown, events?: Record<string, unknown>) =>
    interruptAnywhere(
      task("proof.task")
        .payload(n)
        .interruptible({ backoff: { first: 1 } }, run),
      { n: 1 },
      {
        database: url,
        ...(events && { events }),
        reset: async () => {
          await sql.query("update counter set n = 0; delete from ledger");
          mails.length = outbox.length = 0;
          keys.clear();
          writeFileSync(file, "");
        },
        snapshot: async () => ({
          counter: (await sql.query("select n from counter")).rows,
          ledger: (await sql.query("select * from ledger order by id")).rows,
          mails: [...mails].sort(),
          outbox: [...outbox],
          file: existsSync(file) ? readFileSync(file, "utf8") : "",
        }),
      },
    );
  return { url, pool, mail, outbox, post, file, taskmaster, prove };
}

/** The line of this file that a comment marks. */
function lineOf(mark: string): RegExp {
  const lines = readFileSync(import.meta.filename, "utf8").split("\n");
  return new RegExp(`interrupt-anywhere\\.test\\.ts:${lines.findIndex((line) => line.endsWith(`// ${mark}`)) + 1}:`);
}

async function unsafe(proof: Promise<unknown>, mark: string): Promise<UnsafeTaskError> {
  const error = await proof.then(
    () => new Error("it was passed"),
    (thrown: Error) => thrown,
  );
  expect(error).toBeInstanceOf(UnsafeTaskError);
  expect((error as UnsafeTaskError).where).toMatch(lineOf(mark));
  return error as UnsafeTaskError;
}

describe("names the line of a task that", () => {
  test("increments a counter outside the transaction", async () => {
    const { pool, prove } = await world();
    const error = await unsafe(
      prove(async (_, ctx) => {
        await ctx.step("first", () => 1);
        await pool.query("update counter set n = n + 1"); // counter
        await ctx.commit((tx) => tx.query("insert into ledger values ('a', 'done')"));
      }),
      "counter",
    );
    expect(error.message).toContain("- snapshot.counter[0].n: 1\n+ snapshot.counter[0].n: 2");
  });

  test("sends a mail before a step", async () => {
    const { mail, prove } = await world();
    await unsafe(
      prove(async (_, ctx) => {
        await mail("hello"); // mail
        await ctx.step("first", () => 1);
      }),
      "mail",
    );
  });

  test("posts by node:http before a step", async () => {
    const { post, prove } = await world();
    await unsafe(
      prove(async (_, ctx) => {
        await ctx.step("first", () => 1);
        await post("hello"); // post
        await ctx.step("second", () => 1);
      }),
      "post",
    );
  });

  test("enqueues a child directly", async () => {
    const { taskmaster, prove } = await world();
    const error = await unsafe(
      prove(async (_, ctx) => {
        await ctx.step("first", () => 1);
        await taskmaster.enqueue(child, { n: 7 }); // child
        await ctx.step("second", () => 1);
      }),
      "child",
    );
    expect(error.difference).toContain("proof.child");
  });

  test.each([
    ["asynchronously", (file: string) => appendFile(file, "line\n")],
    ["synchronously", async (file: string) => appendFileSync(file, "line\n")],
    ["with a callback", (file: string) => new Promise((resolve) => appendFileBack(file, "line\n", resolve))],
    [
      "through a stream",
      (file: string) =>
        new Promise<void>((resolve) => createWriteStream(file, { flags: "a" }).end("line\n", () => resolve())),
    ],
  ])("appends to a file, %s", async (_, append) => {
    const { file, prove } = await world();
    await unsafe(
      prove(async (_, ctx) => {
        await ctx.step("first", () => 1);
        await append(file); // append
        await ctx.step("second", () => 1);
      }),
      "append",
    );
  });

  test("runs its steps in another order each time", async () => {
    const { prove } = await world();
    let runs = 0;
    const proof = prove(async (_, ctx) => {
      const names = runs++ % 2 === 0 ? ["a", "b"] : ["b", "a"];
      for (const name of names) await ctx.step(name, () => name); // order
    });
    const error = await proof.catch((thrown: unknown) => thrown);
    expect(error).toBeInstanceOf(UnstableTaskError);
    expect((error as UnstableTaskError).where).toMatch(lineOf("order"));
    expect((error as UnstableTaskError).message).toMatch(/effect 1 was step "a".*another time step "b"/);
  });

  test("puts mails into an array, of which no driver tells", async () => {
    const { outbox, prove } = await world();
    const send = async (to: string) => void outbox.push(to);
    await unsafe(
      prove(async (_, ctx) => {
        const { to } = await ctx.step("first", () => ({
          to: "ada",
        }));
        // between two steps
        await send(to); // unseen
        await ctx.step("second", () => 1);
      }),
      "unseen",
    );
    await unsafe(
      prove(async (_, ctx) => {
        await ctx.step("mail", async () => {
          await send("ada"); // within
        });
      }),
      "within",
    );
    await unsafe(
      prove(async (_, ctx) => {
        await ctx.step("first", () => 1);
        await send("ada"); // last
      }),
      "last",
    );
  });

  test("does one of several things beside each other twice", async () => {
    const { mail, pool, prove } = await world();
    await unsafe(
      prove(async (_, ctx) => {
        await Promise.all([
          ctx.step("mail", async ({ key }) => void (await mail("hello", { "idempotency-key": key }))),
          ctx.step("count", async () => void (await pool.query("update counter set n = n + 1"))), // beside
        ]);
      }),
      "beside",
    );
  });

  test("swallows errors, and does in memory what is done twice", async () => {
    const { pool, prove } = await world();
    await unsafe(
      prove(async (_, ctx) => {
        try {
          await pool.query("insert into ledger values ('a', 'once')"); // swallowed
        } catch {
          // whatever happens here is not seen
        }
        await ctx.step("first", () => 1);
      }),
      "swallowed",
    );
  });
});

describe("passes a task that", () => {
  test("does everything in transactions of steps, and completes with a commit", async () => {
    const { prove } = await world();
    const report = await prove(async (_, ctx) => {
      const plan = await ctx.step("plan", () => [1, 2, 3]);
      await ctx.step.tx("count", (tx) => tx.query("update counter set n = n + 1").then(() => {}));
      await ctx.each.tx("ledger", plan, { batch: 2 }, async (tx, batch) => {
        for (const each of batch) await tx.query("insert into ledger values ($1, 'row')", [each]);
      });
      await ctx.enqueue(child, { n: 1 });
      await ctx.commit((tx) => tx.query("update counter set n = n + 10"));
    });
    expect(report.effects.map(({ kind, what }) => `${kind} ${what}`)).toEqual([
      "step plan",
      "transaction commit",
      "transaction commit",
      "transaction commit",
      "transaction commit",
      "end committed",
    ]);
    expect(report.kills).toBe(12);
  });

  test("gives those it calls the step's key", async () => {
    const { mail, post, prove } = await world();
    await prove(async (_, ctx) => {
      await ctx.step("mail", async ({ key }) => void (await mail("hello", { "idempotency-key": key })));
      await ctx.step("post", ({ key }) => post("again", { "idempotency-key": key }));
    });
  });

  test("writes what may be written again", async () => {
    const { pool, file, prove } = await world();
    await prove(async (_, ctx) => {
      for await (const each of ctx.each("rows", [1, 2, 3]))
        await pool
          .query("with old as (delete from ledger where id = $1) select 1", [each])
          .then(() =>
            pool.query("insert into ledger select $1, 'row' where not exists (select from ledger where id = $1)", [
              String(each),
            ]),
          );
      const temporary = `${file}.${randomUUID()}`;
      await writeFile(temporary, "the whole of it");
      await rename(temporary, file);
    });
  });

  test("runs steps beside each other that end in any order", async () => {
    const { mail, prove } = await world();
    let turn = 0;
    const report = await prove(async (_, ctx) => {
      const slow = ++turn % 2; // each time another one is the last
      await Promise.all(
        [0, 1].map(async (part) => {
          await ctx.step(`part ${part}`, async ({ key }) => {
            for (let turns = part === slow ? 50 : 0; turns > 0; turns--) await new Promise(setImmediate);
            await mail(`part ${part}`, { "idempotency-key": key });
          });
          await ctx.step.tx(`note ${part}`, async (tx) => {
            await tx.query("insert into ledger values ($1, 'done')", [part]);
          });
        }),
      );
    });
    expect(report.kills).toBeGreaterThan(10);
  });

  test("enqueues within its transactions, through a client that registers the child on the way", async () => {
    const { taskmaster, prove } = await world();
    await prove(async (_, ctx) => {
      await ctx.each.tx("rows", [1, 2], { batch: 1 }, async (tx, [row]) => {
        await taskmaster.enqueue(child, { n: row ?? 0 }, { within: tx });
      });
    });
  });

  test("sleeps, waits for an event and enqueues children with its completion", async () => {
    const { prove } = await world();
    await prove(
      async (_, ctx) => {
        await ctx.sleep("a while", "3 days");
        const answer = await ctx.waitFor("answer");
        await ctx.step.tx("note", (tx) => tx.query("insert into ledger values ('a', $1)", [answer]).then(() => {}));
        await ctx.enqueue(child, { n: 1 });
        await ctx.enqueue(child, { n: 2 });
      },
      { answer: "yes" },
    );
  });

  test("uses a transaction of its own that checks whether it was done", async () => {
    const { pool, prove } = await world();
    await prove(async (_, ctx) => {
      await ctx.step("first", () => 1);
      const client = await pool.connect();
      try {
        await client.query("begin");
        const { rowCount } = await client.query(
          "insert into ledger select 'a', 'once' where not exists (select from ledger where id = 'a')",
        );
        if (rowCount === 1) await client.query("update counter set n = n + 1");
        await client.query("commit");
      } finally {
        client.release();
      }
    });
  });
});

test("a half-done job survives a deploy and a rollback, or it is told where it does not", async () => {
  const { url, pool } = await world();
  const release = (steps: readonly string[], schema: z.ZodType<{ n: number }> = n) =>
    task("proof.across")
      .payload(n)
      .interruptible(async (_, ctx) => {
        for (const step of steps) await ctx.step(step, { schema }, () => ({ n: 1 }));
        await ctx.step.tx("total", (tx) => tx.query("update counter set n = n + 1").then(() => {}));
      });
  const options = {
    database: url,
    reset: () => pool.query("update counter set n = 0"),
    snapshot: async () => (await pool.query("select n from counter")).rows,
  };
  const good = { ...options, across: release(["first", "new", "second"]) };
  const report = await interruptAnywhere(release(["first", "second"]), { n: 1 }, good);
  expect(report.kills).toBe(2 * (4 + 4 + 5)); // by itself, and both ways
  const bad = {
    ...options,
    across: release(["first", "second"], z.object({ n: z.number(), more: z.string() }) as never),
  };
  await expect(interruptAnywhere(release(["first", "second"]), { n: 1 }, bad)).rejects.toThrow(
    /held|different|effects/,
  );
});

test("what cannot be proved is told", async () => {
  const { url, prove, pool } = await world();
  const short = interruptAnywhere(child, { n: 1 }, { database: url, snapshot: () => 0 });
  await expect(short).rejects.toThrow(/proof\.child is a short task/);
  let runs = 0;
  const grows = interruptAnywhere(
    task("proof.grows")
      .payload(n)
      .interruptible(() => {}),
    { n: 1 },
    { database: url, snapshot: () => ++runs },
  );
  await expect(grows).rejects.toThrow(/Let reset make the world/);
  // A task that fails leaves the same end, killed or not.
  const report = await prove(() => {
    throw new NonRetryableError("no");
  });
  expect(report.effects.map(({ what }) => what)).toEqual(["parked"]);
  expect((await pool.query("select 1 as one")).rows).toEqual([{ one: 1 }]); // the watch is off
});
