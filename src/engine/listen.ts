import pg from "pg";
import { clientConfig, type DatabaseOptions, pause } from "./database.ts";
import { publish } from "./events.ts";
import { sql } from "./statement.ts";

/**
 * One listening connection per process. Invariants:
 *
 * 1. A query of its own, every `keepAliveMs`, tells a half-open connection from a quiet one.
 * 2. Each time it has (re)connected it says so, because notifications sent meanwhile are lost.
 */
const keepAliveMs = 10_000;

export interface ListenOptions extends DatabaseOptions {
  /** Lanes that have work. */
  readonly onWake: (lanes: readonly number[]) => void;
  /** Connected, for the first time or again: whatever was missed must be looked for. */
  readonly onConnected: () => void;
}

const listen = sql`listen taskmaster_job`;

export class Listener {
  readonly #options: ListenOptions;
  readonly #stop = new AbortController();
  #running: Promise<void> | undefined;
  #client: pg.Client | undefined;

  constructor(options: ListenOptions) {
    this.#options = options;
  }

  start(): void {
    this.#running ??= this.#run();
  }

  async #run(): Promise<void> {
    for (let failures = 0; !this.#stop.signal.aborted; failures++) {
      const lost = await this.#connect().then(
        () => {
          failures = 0;
          return undefined;
        },
        (error: unknown) => error,
      );
      if (this.#stop.signal.aborted) return;
      if (failures === 0) publish({ event: "database.lost", during: "listening", error: lost });
      await pause(Math.min(5_000, 50 * 2 ** Math.min(failures, 7)) * (0.5 + Math.random() / 2), this.#stop.signal);
    }
  }

  /** Resolves or rejects when the connection has ended. */
  async #connect(): Promise<void> {
    const client = new pg.Client({ ...clientConfig(this.#options), query_timeout: 5_000 });
    this.#client = client;
    const ended = new Promise<void>((resolve) => {
      client.on("error", () => resolve());
      client.on("end", () => resolve());
    });
    client.on("notification", ({ payload = "" }) =>
      this.#options.onWake(payload.split(",").map(Number).filter(Number.isInteger)),
    );
    try {
      await client.connect();
      await client.query(listen);
      this.#options.onConnected();
      for (;;) {
        const isOver = await Promise.race([
          ended.then(() => true),
          pause(keepAliveMs, this.#stop.signal).then(() => this.#stop.signal.aborted),
        ]);
        if (isOver) return;
        await client.query("select 1");
      }
    } finally {
      await client.end().catch(() => {});
    }
  }

  async stop(): Promise<void> {
    this.#stop.abort();
    await this.#client?.end().catch(() => {});
    await this.#running;
  }
}
