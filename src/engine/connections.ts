import pg from "pg";

/**
 * Connections to one database, opened as they are needed. `pg`'s own pool binds whoever finds all of them busy to a new one, and to open it takes
 * ten times as long as the statement that is about to end: the slowest jobs of a program that had just started were those. Invariants:
 *
 * 1. Who waits gets whatever is free first, a connection that is given back or a new one, in the order in which they came.
 * 2. There are never more connections than `most`; a new one is opened only where somebody waits for it.
 * 3. A connection that has broken, busy or idle, is given to nobody, and never ends the program.
 * 4. Nobody waits longer than a connection may take to open.
 */
export interface ConnectionsOptions {
  readonly config: pg.ClientConfig & { readonly connectionTimeoutMillis: number };
  /** Connections at most. */
  readonly most: number;
  /** So many stay open once they are, however long they rest. Default 0. */
  readonly least?: number;
  /** SQL that each connection is told when it opens. */
  readonly settings?: string | undefined;
}

/** What the types of `pg` leave out: whether a connection keeps the program alive. */
type Connection = pg.Client & { ref(): void; unref(): void };

interface Waiter {
  readonly resolve: (client: pg.Client) => void;
  readonly reject: (error: unknown) => void;
  readonly timer: NodeJS.Timeout;
}

const idleMs = 30_000;
const lookEveryMs = 5_000;
/** After an opening that failed, while there are other connections. */
const againMs = 1_000;

export class Connections {
  readonly #options: ConnectionsOptions;
  /** All of them, those that are being opened among them. */
  readonly #all = new Set<pg.Client>();
  /** The one that was used last is last, and the next to be used: so few have everything prepared, and the others are closed. */
  readonly #idle: { readonly client: Connection; readonly since: number }[] = [];
  readonly #waiting: Waiter[] = [];
  #opening = false;
  #closing: NodeJS.Timeout | undefined;
  #ended: (() => void) | undefined;

  constructor(options: ConnectionsOptions) {
    this.#options = options;
  }

  /**
   * A connection for the caller alone, until it is given back.
   *
   * @throws the error of the opening, where there is no other connection; an error that passes, where none was free in time
   */
  take(): Promise<pg.Client> {
    const idle = this.#idle.pop();
    if (idle !== undefined) {
      idle.client.ref();
      return Promise.resolve(idle.client);
    }
    return new Promise((resolve, reject) => {
      if (this.#ended) {
        reject(new Error("These connections have been closed."));
        return;
      }
      const timer = setTimeout(() => {
        this.#waiting.splice(this.#waiting.indexOf(waiter), 1);
        reject(new Error("timeout exceeded when waiting for a connection"));
      }, this.#options.config.connectionTimeoutMillis);
      const waiter = { resolve, reject, timer };
      this.#waiting.push(waiter);
      this.#openForWaiting();
    });
  }

  /** @param broken whether it is in an unknown state: it is closed */
  giveBack(client: pg.Client, broken: boolean): void {
    if (broken || this.#ended) this.#drop(client);
    else if (this.#all.has(client)) this.#free(client as Connection);
  }

  /**
   * Resolves when all connections have been given back. Idempotent.
   *
   * @param cut whether those that are in use are broken off, instead of waited for. Default false
   */
  async end({ cut = false } = {}): Promise<void> {
    clearInterval(this.#closing);
    const ended = new Promise<void>((resolve) => {
      const earlier = this.#ended;
      this.#ended = () => {
        earlier?.();
        resolve();
      };
    });
    for (const waiter of this.#waiting.splice(0)) refuse(waiter, new Error("These connections have been closed."));
    for (const client of cut ? [...this.#all] : this.#idle.map((idle) => idle.client)) this.#drop(client);
    if (this.#all.size === 0) this.#ended?.();
    await ended;
  }

  /** One at a time: until it is open, those that are there have served most of who waits. */
  #openForWaiting(): void {
    if (!this.#ended && !this.#opening && this.#waiting.length > 0 && this.#all.size < this.#options.most)
      void this.#open();
  }

  /** Takes over a connection that was opened with the same configuration. @throws where it does not take the settings: it is closed */
  async adopt(client: pg.Client): Promise<void> {
    try {
      await this.#set(this.#made(client));
      this.giveBack(client, false);
    } catch (error) {
      this.#drop(client);
      throw error;
    }
  }

  async #open(): Promise<void> {
    let client: pg.Client | undefined;
    this.#opening = true;
    try {
      client = this.#made(new pg.Client(this.#options.config));
      await client.connect();
      await this.#set(client);
      this.#opening = false;
      this.giveBack(client, false);
      this.#openForWaiting();
    } catch (error) {
      this.#opening = false;
      if (client !== undefined) this.#close(client);
      if (this.#all.size > 0) {
        setTimeout(() => this.#openForWaiting(), againMs).unref(); // until then who waits gets one of the others
        return;
      }
      for (const waiter of this.#waiting.splice(0)) refuse(waiter, error);
      this.#ended?.();
    }
  }

  #made(client: pg.Client): pg.Client {
    this.#all.add(client);
    client.on("error", () => this.#drop(client));
    client.on("end", () => this.#drop(client));
    return client;
  }

  async #set(client: pg.Client): Promise<void> {
    const { settings } = this.#options;
    if (settings !== undefined) await client.query(settings);
  }

  #free(client: Connection): void {
    const waiter = this.#waiting.shift();
    if (waiter !== undefined) {
      clearTimeout(waiter.timer);
      waiter.resolve(client);
      return;
    }
    client.unref(); // a program whose connections are idle may end
    this.#idle.push({ client, since: performance.now() });
    this.#closing ??= setInterval(() => this.#closeIdle(), lookEveryMs).unref();
  }

  #closeIdle(): void {
    const { least = 0 } = this.#options;
    const longAgo = performance.now() - idleMs;
    for (const { client, since } of this.#idle.slice())
      if (since < longAgo && this.#all.size > least) this.#drop(client);
  }

  /** Closes a connection, unless it is closed, and opens another one where it is wanted. */
  #drop(client: pg.Client): void {
    if (!this.#close(client)) return;
    if (this.#all.size === 0) this.#ended?.();
    this.#openForWaiting();
  }

  /** Answers whether it was open. */
  #close(client: pg.Client): boolean {
    if (!this.#all.delete(client)) return false;
    const place = this.#idle.findIndex((idle) => idle.client === client);
    if (place >= 0) this.#idle.splice(place, 1);
    void client.end().catch(() => {});
    return true;
  }
}

function refuse({ reject, timer }: Waiter, error: unknown): void {
  clearTimeout(timer);
  reject(error);
}
