import pg from "pg";
import { copiesOf } from "./copies.ts";
import { TrackedRun } from "./tracked-run.ts";

/**
 * SQL as effects, at the driver: statements outside a transaction, and transactions as a whole, by their commit. Reading is none. The
 * connections that a killed run holds are cut, so that the server rolls back what was open.
 */
type Callback = (error: Error | undefined, result?: unknown) => void;
type Query = (this: WatchedClient, ...args: unknown[]) => unknown;

interface WatchedClient extends pg.ClientBase {
  readonly connectionParameters?: { readonly application_name?: string };
  readonly connection?: { readonly stream?: { destroy(): void } };
  release?(destroy?: boolean): void;
}

/** Connections with an open transaction, and those whose answer is awaited. */
const transactions = new WeakSet<object>();
const busy = new WeakSet<object>();
const dead = new WeakSet<object>();

/** Puts the watch on; answers how to take it off. */
export function watchPostgres(): () => void {
  const copies = new Set(
    [pg, ...(copiesOf("pg") as unknown as (typeof pg)[])].filter((copy) => copy.Client && copy.Pool),
  );
  const undo = [...copies].flatMap((copy) => [watchQueries(copy.Client.prototype), watchPools(copy.Pool.prototype)]);
  return () => {
    for (const each of undo) each();
  };
}

function watchQueries(prototype: pg.Client): () => void {
  const query = prototype.query as unknown as Query;
  const watched: Query = function (...args) {
    const run = TrackedRun.current;
    const [first] = args;
    const config = typeof first === "object" && first !== null ? (first as { text?: unknown; name?: unknown }) : {};
    const text = typeof first === "string" ? first : config.text;
    if (run === undefined || typeof text !== "string" || isOurs(this)) return query.apply(this, args);
    return watchedQuery(run, this, text, query, args);
  };
  prototype.query = watched as never;
  return () => {
    prototype.query = query as never;
  };
}

function watchedQuery(run: TrackedRun, client: WatchedClient, text: string, query: Query, args: unknown[]): unknown {
  const callback = typeof args.at(-1) === "function" ? (args.at(-1) as Callback) : undefined;
  const plain = callback ? args.slice(0, -1) : args;
  busy.add(client);
  run.onKill(() => {
    if (busy.has(client) || transactions.has(client)) cut(client);
  });
  const answer = answerOf(
    run,
    client,
    text,
    isOwnStatement(args[0]),
    () => query.apply(client, plain) as Promise<unknown>,
  );
  const idle = () => busy.delete(client);
  answer.then(idle, idle);
  if (callback === undefined) return answer;
  answer.then(
    (result) => callback(undefined, result),
    (error: Error) => callback(error),
  );
  return undefined;
}

function answerOf(
  run: TrackedRun,
  client: WatchedClient,
  text: string,
  ours: boolean,
  perform: () => Promise<unknown>,
): Promise<unknown> {
  const word = /^\s*(?:--[^\n]*\n\s*)*([a-z]+)/i.exec(text)?.[1]?.toLowerCase() ?? "";
  if (word === "begin" || /^\s*start\s+transaction/i.test(text)) {
    transactions.add(client);
    return run.wait(perform);
  }
  if (!transactions.has(client))
    return ours || reads(word, text) ? run.wait(perform) : run.effect("sql", text, perform);
  const over = () => perform().finally(() => transactions.delete(client));
  if (word === "commit" || word === "end") return run.effect("transaction", "commit", over);
  return run.wait(word === "rollback" && !/\bto\b/i.test(text) ? over : perform);
}

/** Whether a connection is the queue's own: what it does for a task is counted where the task asks for it. The transactions of steps are the task's. */
function isOurs({ connectionParameters }: WatchedClient): boolean {
  const name = connectionParameters?.application_name ?? "";
  return /^taskmaster\b/.test(name) && name !== "taskmaster steps";
}

/** The same of a statement, on a connection of the task's. */
function isOwnStatement(config: unknown): boolean {
  const name = typeof config === "object" && config !== null ? (config as { readonly name?: unknown }).name : undefined;
  return typeof name === "string" && name.startsWith("taskmaster_");
}

function reads(word: string, text: string): boolean {
  if (["set", "show", "explain", "listen", "unlisten", "discard"].includes(word)) return true;
  return (
    (word === "select" || word === "with" || word === "values") && !/\b(insert|update|delete|merge|into)\b/i.test(text)
  );
}

/** Cuts a connection, as the death of its process would. */
function cut(client: WatchedClient): void {
  if (dead.has(client)) return;
  dead.add(client);
  client.on("error", () => {});
  giveUp(client);
  client.connection?.stream?.destroy();
}

/** Takes a connection out of its pool, where it has one and is checked out. */
function giveUp(client: WatchedClient): void {
  try {
    client.release?.(true);
  } catch {
    // it was given back already
  }
}

/** What waits for a connection or an answer of a pool stays pending in a dead run. */
function watchPools(prototype: pg.Pool): () => void {
  const { connect, query } = prototype as unknown as Record<"connect" | "query", (...args: unknown[]) => unknown>;
  const hanging = (original: (...args: unknown[]) => unknown, use: (run: TrackedRun, result: unknown) => void) =>
    function (this: unknown, ...args: unknown[]) {
      const run = TrackedRun.current;
      if (run === undefined || typeof args.at(-1) === "function") return original.apply(this, args);
      return run.wait(async () => {
        const result = await run.calling(() => original.apply(this, args));
        use(run, result);
        return result;
      });
    };
  const checkOut = (run: TrackedRun, client: unknown) => run.onKill(() => giveUp(client as WatchedClient));
  Object.assign(prototype, { connect: hanging(connect, checkOut), query: hanging(query, () => {}) });
  return () => void Object.assign(prototype, { connect, query });
}
