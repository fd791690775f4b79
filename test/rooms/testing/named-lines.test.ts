import { once } from "node:events";
import { appendFile as appendFileBack, appendFileSync, createWriteStream } from "node:fs";
import { appendFile } from "node:fs/promises";
import { type AddressInfo, connect, createServer } from "node:net";
import type { InterruptibleContext } from "taskmaster";
import { UnstableTaskError } from "taskmaster/testing";
import { describe, expect, onTestFinished, test } from "vitest";
import { child, lineOf, unsafe, world } from "./world.ts";

describe("names the line of a task that", () => {
  test("increments a counter outside the transaction", async () => {
    const { pool, prove } = await world();
    const error = await unsafe(
      prove(async (_, ctx) => {
        await ctx.step("first", () => 1);
        await pool.query("update counter set n = n + 1"); // counter
        await ctx.commit((tx) => tx.query("insert into ledger values ('a', 'done')"));
      }),
      import.meta.filename,
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
      import.meta.filename,
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
      import.meta.filename,
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
      import.meta.filename,
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
      import.meta.filename,
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
    expect((error as UnstableTaskError).where).toMatch(lineOf(import.meta.filename, "order"));
    expect((error as UnstableTaskError).message).toMatch(/effect 1 was step "a".*another time step "b"/);
  });

  test.each(["each", "each.tx"] as const)("goes through a list in another order each time, by ctx.%s", async (way) => {
    const { pool, prove } = await world();
    const write = "insert into ledger select $1, 'row' where not exists (select from ledger where id = $1)";
    let runs = 0;
    const proof = prove(async (_, ctx) => {
      const rows = ["a", "b", "c"];
      if (runs++ % 2 === 0) rows.reverse();
      if (way === "each.tx")
        await ctx.each.tx("rows", rows, { batch: 1 }, (tx, [row]) => tx.query(write, [row])); // each.tx of a list
      else for await (const row of ctx.each("rows", rows)) await pool.query(write, [row]); // each of a list
    });
    const error = await proof.catch((thrown: unknown) => thrown);
    expect(error).toBeInstanceOf(UnstableTaskError);
    expect((error as UnstableTaskError).where).toMatch(lineOf(import.meta.filename, `${way} of a list`));
    expect((error as UnstableTaskError).message).toMatch(/same list in another order/);
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
      import.meta.filename,
      "unseen",
    );
    await unsafe(
      prove(async (_, ctx) => {
        await ctx.step("mail", async () => {
          await send("ada"); // within
        });
      }),
      import.meta.filename,
      "within",
    );
    await unsafe(
      prove(async (_, ctx) => {
        await ctx.step("first", () => 1);
        await send("ada"); // last
      }),
      import.meta.filename,
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
      import.meta.filename,
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
      import.meta.filename,
      "swallowed",
    );
  });

  test("does it in a function that another one only passes its arguments on to, and in a callback of its own", async () => {
    const { pool, prove } = await world();
    const body = async (ctx: InterruptibleContext) => {
      await new Promise<void>(
        (resolve, reject) =>
          pool.query("update counter set n = n + 1", (error: Error | undefined) => (error ? reject(error) : resolve())), // inner
      );
      await ctx.step("first", () => 1);
    };
    await unsafe(
      prove((_, ctx) => body(ctx)),
      import.meta.filename,
      "inner",
    );
  });

  test("writes a random number, or a row that is another each time", async () => {
    const { pool, prove } = await world();
    const error = await unsafe(
      prove(async (_, ctx) => {
        await ctx.step("first", () => 1);
        await pool.query("insert into ledger values (gen_random_uuid()::text, 'row')"); // random
        await ctx.step("second", () => 1);
      }),
      import.meta.filename,
      "random",
    );
    expect(error.difference).toContain("snapshot.ledger[1]");
    const unstable = await prove(async (_, ctx) => {
      await ctx.step("first", () => 1);
      await pool.query("insert into ledger select 'a', random()::text where not exists (select from ledger)"); // time
      await ctx.step("second", () => 1);
    }).catch((thrown: unknown) => thrown);
    expect(unstable).toBeInstanceOf(UnstableTaskError);
    expect((unstable as UnstableTaskError).where).toMatch(lineOf(import.meta.filename, "time"));
  });

  test("sends a mail by a socket before a step", async () => {
    const { prove, outbox } = await world();
    const server = createServer((socket) => {
      socket.on("error", () => {});
      socket.on("data", (data) => {
        outbox.push(String(data));
        socket.write("250 ok");
      });
    });
    await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
    onTestFinished(() => void server.close());
    const proof = prove(async (_, ctx) => {
      const socket = connect((server.address() as AddressInfo).port, "127.0.0.1");
      await once(socket, "connect");
      socket.write("MAIL FROM:<ada>"); // smtp
      await once(socket, "data");
      socket.destroy();
      await ctx.step("first", () => 1);
    });
    const { effect } = await unsafe(proof, import.meta.filename, "smtp");
    expect(effect).toMatchObject({ kind: "socket", what: expect.stringMatching(/^MAIL to 127/) });
  });

  test("does something beside a step, however its pool is left", async () => {
    const { pool, prove } = await world();
    await unsafe(
      prove(async (_, ctx) => {
        await Promise.all([
          ctx.step("first", () => 1),
          pool.query("update counter set n = n + 1"), // unrecorded
        ]);
      }),
      import.meta.filename,
      "unrecorded",
    );
  });
});
