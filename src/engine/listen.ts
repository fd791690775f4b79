import pg from "pg";
import { clientConfig } from "./client-config.ts";
import { type DatabaseOptions, pause } from "./database.ts";
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
  /** What to do with each channel's notifications. */
  readonly channels: { readonly [Channel in keyof typeof listen]?: (payload: string) => void };
  /** Connected, for the first time or again: whatever was missed must be looked for. */
  readonly onConnected: () => void;
}

/** What is told: lanes that have work; a gate that closed or opened; a gated process that has something to say. */
const listen = {
  taskmaster_job: sql`listen taskmaster_job`,
  taskmaster_gate: sql`listen taskmaster_gate`,
  taskmaster_deploy: sql`listen taskmaster_deploy`,
};

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
          return new Error("the connection was closed");
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
    const { channels } = this.#options;
    client.on("notification", ({ channel, payload = "" }) => channels[channel as keyof typeof listen]?.(payload));
    try {
      await client.connect();
      for (const channel of Object.keys(channels)) await client.query(listen[channel as keyof typeof listen]);
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
