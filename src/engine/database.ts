import type pg from "pg";
import { longestTimerMs } from "../contract/duration.ts";
import { clientConfig, silenceTimeoutMs } from "./client-config.ts";
import { Connections } from "./connections.ts";
import { copy, type Submittable } from "./copy.ts";
import { DatabaseUnavailableError, explain, isCertainlyUndone, isTransient } from "./database-errors.ts";
import { publish } from "./events.ts";
import { Line } from "./line.ts";
import type { Queryable } from "./queryable.ts";
import { keepMemory } from "./server-memory.ts";
import { type Statement, sql } from "./statement.ts";

/**
 * Connections to one Postgres. Invariants:
 *
 * 1. Every statement is bounded in time by the server, and by us where the server has gone silent.
 * 2. A statement is tried again only where its author says that it may be (`again`), by errors that pass by themselves.
 * 3. A connection whose state is not known is not used again.
 */

/** Runs a prepared statement, wherever it is prepared. */
export type RunStatement = <Row>(statement: Statement, values?: readonly unknown[]) => Promise<Row[]>;

/** Statements of ours on a connection of the caller's. */
export function runWithin(within: Queryable): RunStatement {
  return async <Row>({ text }: Statement, values: readonly unknown[] = []) =>
    (await within.query(text, values as unknown[])).rows as Row[];
}

export interface DatabaseOptions {
  /** `postgres://user:password@host:port/database` */
  readonly url: string;
  /** Connections at most, beside the one of `queryInLine`. Default 5. */
  readonly connections?: number;
  /** `queue` (the default) for our own statements, `report` for lists and counts over whole tables. */
  readonly purpose?: "queue" | "report";
  /** Whether a connection is a session, which it is not behind a pooler in transaction mode (process/sessions.ts). Default true. */
  readonly sessions?: boolean;
  /** Shown by the database beside each connection. Default `"taskmaster"`. */
  readonly applicationName?: string;
}

export interface Bounds {
  /** How long to wait for an answer, in milliseconds. Default, and at most: 40 s. */
  readonly timeoutMs?: number;
}

export interface InLine extends Bounds {
  /** Whether the statement takes megabytes of the server's memory, and others like it will follow: its process keeps them then. Default false. */
  readonly isLarge?: boolean;
}

export interface RetryOptions {
  /** What is being done, for events and errors: `an enqueue`. */
  readonly during: string;
  /** How long to go on trying, in milliseconds. Default: for ever. */
  readonly forMs?: number;
  readonly signal?: AbortSignal;
}

/**
 * What every connection is told when it opens. Not as start-up parameters: poolers refuse those.
 *
 * The planner knows nothing of the arrays that our statements take, and its guess of one row turns a claim from a large backlog into a
 * scan and a sort of all of it. Every statement has an index made for it, so the other ways are closed; a report may choose freely.
 */
const settings = sql`
  set statement_timeout = '30s';
  set lock_timeout = '10s';
  set idle_in_transaction_session_timeout = '30s';
  set timezone = 'UTC';
  set datestyle = 'ISO';
  set jit = off
`;
const pointLookups = sql`
  set enable_seqscan = off;
  set enable_bitmapscan = off;
  set plan_cache_mode = force_generic_plan
`;

/** The same for one transaction, where there is no session to tell: behind a pooler in transaction mode others would inherit it. */
const beginWithoutSession = sql`
  begin;
  set local statement_timeout = '30s';
  set local lock_timeout = '10s';
  set local timezone = 'UTC';
  set local datestyle = 'ISO';
  set local jit = off;
  set local enable_seqscan = off;
  set local enable_bitmapscan = off
`;

function silence({ timeoutMs = silenceTimeoutMs }: Bounds): { readonly query_timeout: number } {
  return { query_timeout: Math.max(1, Math.min(silenceTimeoutMs, Math.ceil(timeoutMs))) };
}

export class Database {
  readonly url: string;
  readonly #connections: Connections;
  readonly #line: Line;
  readonly #sessions: boolean;
  /** Connections whose server process keeps its memory. */
  readonly #keeping = new WeakSet<Client>();

  constructor(options: DatabaseOptions) {
    const { sessions = true, purpose = "queue" } = options;
    this.url = options.url;
    this.#sessions = sessions;
    const setting = purpose === "queue" ? `${settings}; ${pointLookups}` : settings;
    const how = { config: clientConfig(options), settings: sessions ? setting : undefined };
    this.#connections = new Connections({ ...how, most: options.connections ?? 5 });
    this.#line = new Line(how);
  }

  /**
   * Takes over connections that are open already, so that none is opened in vain: one made with `clientConfig`, and, where statements are to
   * be sent in line, one made with `lineConfig`. @throws where one does not take the settings: it is closed
   */
  async adopt(client: pg.Client, inLine?: pg.Client): Promise<void> {
    await Promise.all([this.#connections.adopt(client), inLine && this.#line.adopt(inLine)]);
  }

  /** Runs one statement. @throws the database's error, explained where it means that our schema is missing */
  async query<Row>(statement: Statement, values: readonly unknown[] = [], bounds: Bounds = {}): Promise<Row[]> {
    if (!this.#sessions) return this.transaction((tx) => tx.run<Row>(statement, values), bounds);
    const { rows } = await this.#use((client) =>
      client.query({ name: statement.name, text: statement.text, values: values as unknown[], ...silence(bounds) }),
    );
    return rows as Row[];
  }

  /** Whether statements can be sent one behind the other (`queryInLine`); behind a pooler each waits for a transaction's begin. */
  get hasLine(): boolean {
    return this.#sessions;
  }

  /** `query`, behind those that were sent so before, without waiting for their answers, on one connection of its own (line.ts). */
  async queryInLine<Row>(statement: Statement, values: readonly unknown[] = [], how: InLine = {}): Promise<Row[]> {
    if (!this.#sessions) return this.query<Row>(statement, values, how);
    try {
      const { name, text } = statement;
      const asked = { name, text, values: values as unknown[], ...silence(how) };
      const { rows } = await this.#line.use((client) => {
        if (how.isLarge) this.#keepMemory(client);
        return client.query(asked);
      });
      return rows as Row[];
    } catch (error) {
      throw explain(error);
    }
  }

  /** Sent before the statement that wants it; where it fails that one tells, or goes without. */
  #keepMemory(client: Client): void {
    if (this.#keeping.has(client)) return;
    this.#keeping.add(client);
    client.query({ ...keepMemory, values: [], ...silence({}) }).catch(() => {});
  }

  /**
   * Writes rows as one statement.
   *
   * @param text `copy … from stdin with (null '')`
   * @param rows made by `copyRows`
   * @throws the database's error, explained: then none of the rows is there
   */
  copy(text: string, rows: string, bounds: Bounds = {}): Promise<void> {
    if (!this.#sessions) return this.transaction((tx) => tx.copy(text, rows), bounds);
    return this.#use((client) => copy(client, { text, rows, ...silence(bounds) }));
  }

  /** Does one thing on a connection. */
  async #use<T>(work: (client: Client) => Promise<T>): Promise<T> {
    const client = await this.#connections.take();
    let broken = true;
    try {
      const result = await work(client);
      broken = false;
      return result;
    } catch (error) {
      throw explain(error);
    } finally {
      this.#connections.giveBack(client, broken);
    }
  }

  /** Runs a statement that is harmless to repeat, again and again until the database answers. */
  again<Row>(statement: Statement, values: readonly unknown[], options: RetryOptions): Promise<Row[]> {
    return retrying((timeoutMs) => this.query<Row>(statement, values, { timeoutMs }), options);
  }

  /** Runs statements in one transaction, rolled back where `work` throws. */
  async transaction<T>(work: (tx: Transaction) => Promise<T>, bounds: Bounds = {}): Promise<T> {
    const client = await this.#connections.take();
    let broken = false;
    try {
      await client.query({ text: this.#sessions ? "begin" : beginWithoutSession, ...silence(bounds) });
      const result = await work(new Transaction(client, this.#sessions, bounds));
      await client.query({ text: "commit", ...silence(bounds) });
      return result;
    } catch (error) {
      await client.query("rollback").catch(() => {
        broken = true;
      });
      throw explain(error);
    } finally {
      this.#connections.giveBack(client, broken);
    }
  }

  /** Closes all connections. Idempotent. */
  async end(): Promise<void> {
    await Promise.all([this.#connections.end(), this.#line.end()]);
  }
}

/** What of a client of `pg` a transaction needs; its own type would be wanted by whoever compiles against this package. */
interface Client extends Queryable {
  query(config: {
    name?: string;
    text: string;
    values: unknown[];
    query_timeout: number;
  }): Promise<{ rows: unknown[] }>;
  query(text: string, values: unknown[]): Promise<{ rows: unknown[] }>;
  query(submittable: Submittable): unknown;
}

/** Statements inside one transaction. */
export class Transaction implements Queryable {
  readonly #client: Client;
  readonly #sessions: boolean;
  readonly #bounds: Bounds;

  constructor(client: Client, sessions: boolean, bounds: Bounds = {}) {
    this.#client = client;
    this.#sessions = sessions;
    this.#bounds = bounds;
  }

  readonly run: RunStatement = async <Row>({ name, text }: Statement, values: readonly unknown[] = []) => {
    // A prepared statement belongs to a session.
    const { rows } = await this.#client.query({
      ...(this.#sessions && { name }),
      text,
      values: values as unknown[],
      ...silence(this.#bounds),
    });
    return rows as Row[];
  };

  query(text: string, values: unknown[] = []): Promise<{ rows: unknown[] }> {
    return this.#client.query(text, values);
  }

  /** Writes rows as one statement (`Database.copy`). */
  copy(text: string, rows: string): Promise<void> {
    return copy(this.#client, { text, rows, ...silence(this.#bounds) });
  }
}

/**
 * Does something until it succeeds or fails for good, waiting 50 ms to 5 s between tries, doubled and jittered.
 *
 * @param work is told how many milliseconds are left
 * @throws {DatabaseUnavailableError} where the time is up; the operation's own error where it does not pass by itself
 */
export async function retrying<T>(
  work: (leftMs: number) => Promise<T>,
  { during, forMs = Number.POSITIVE_INFINITY, signal }: RetryOptions,
): Promise<T> {
  const since = performance.now();
  let uncertain = false;
  for (let attempt = 0; ; attempt++) {
    try {
      const result = await work(forMs - (performance.now() - since));
      if (attempt > 0) publish({ event: "database.back", during, afterMs: performance.now() - since });
      return result;
    } catch (error) {
      if (!isTransient(error)) throw error;
      uncertain ||= !isCertainlyUndone(error);
      if (attempt === 0) publish({ event: "database.lost", during, error });
      const waitMs = Math.min(5_000, 50 * 2 ** Math.min(attempt, 10)) * (0.5 + Math.random() / 2);
      if (signal?.aborted || performance.now() - since + waitMs > forMs)
        throw new DatabaseUnavailableError(
          `The database did not answer during ${during} (${error instanceof Error ? error.message : String(error)}).` +
            (uncertain ? " It may have been carried out before the connection was lost." : " Nothing was carried out."),
          uncertain,
          { cause: error },
        );
      await pause(waitMs, signal);
    }
  }
}

/** Waits, or until the signal aborts. */
export function pause(ms: number, signal?: AbortSignal): Promise<void> {
  if (signal?.aborted) return Promise.resolve();
  return new Promise((resolve) => {
    const done = () => {
      clearTimeout(timer);
      signal?.removeEventListener("abort", done);
      resolve();
    };
    const timer = setTimeout(done, Math.min(ms, longestTimerMs));
    signal?.addEventListener("abort", done, { once: true });
  });
}
