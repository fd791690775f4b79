import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { createServer, request } from "node:http";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { basename, join } from "node:path";
import pg from "pg";
import { type AnyRunnableTask, type InputOf, type InterruptibleContext, Taskmaster, task } from "taskmaster";
import { type InterruptOptions, interruptAnywhere, UnsafeTaskError } from "taskmaster/testing";
import { expect, onTestFinished } from "vitest";
import { z } from "zod";
import { testDatabase } from "../../setup/database.ts";

export const n = z.object({ n: z.number() });
export const child = task("proof.child")
  .payload(n)
  .short(() => {});

/** A world of a task's: rows, a mail server that counts, a file. */
export async function world() {
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
  const proveTask = <T extends AnyRunnableTask>(
    task: T,
    payload: InputOf<T>,
    options: Partial<InterruptOptions> = {},
  ) =>
    interruptAnywhere(task, payload, {
      database: url,
      ...options,
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
    });
  const prove = (
    run: (payload: unknown, ctx: InterruptibleContext) => unknown,
    options: Partial<InterruptOptions> = {},
  ) =>
    proveTask(
      task("proof.task")
        .payload(n)
        .interruptible({ backoff: { first: 1 } }, run),
      { n: 1 },
      options,
    );
  return { url, pool, mail, outbox, post, file, taskmaster, prove, proveTask };
}

/** The line of a test's file that a comment marks. */
export function lineOf(file: string, mark: string): RegExp {
  const lines = readFileSync(file, "utf8").split("\n");
  return new RegExp(
    `${basename(file).replaceAll(".", "\\.")}:${lines.findIndex((line) => line.endsWith(`// ${mark}`)) + 1}:`,
  );
}

/** What a proof throws, which has to name the line that a comment marks. */
export async function unsafe(proof: Promise<unknown>, file: string, mark: string): Promise<UnsafeTaskError> {
  const error = await proof.then(
    () => new Error("it was passed"),
    (thrown: Error) => thrown,
  );
  expect(error).toBeInstanceOf(UnsafeTaskError);
  expect((error as UnsafeTaskError).where).toMatch(lineOf(file, mark));
  return error as UnsafeTaskError;
}
