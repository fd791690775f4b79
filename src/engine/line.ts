import type pg from "pg";
import { Connections, type ConnectionsOptions } from "./connections.ts";

/**
 * A connection of its own on which a statement is sent without waiting for the answers to those before it: the database carries them out one
 * after the other, and has no rest while its client is busy with something else. Invariants:
 *
 * 1. Each statement is a transaction of its own, and one that fails does not stop those behind it.
 * 2. Whatever has failed, the connection is closed when nothing is unanswered: its state is not known.
 * 3. Otherwise it stays open, however long it rests: to open another one, and to plan a statement there, takes ten times as long as the statement.
 */
export class Line {
  readonly #connections: Connections;
  #client: Promise<pg.Client> | undefined;
  #unanswered = 0;
  #broken = false;

  constructor({ config, settings }: Pick<ConnectionsOptions, "config" | "settings">) {
    this.#connections = new Connections({ config: lineConfig(config), most: 1, least: 1, settings });
  }

  /** Takes over a connection that was opened with `lineConfig`. @throws where it does not take the settings: it is closed */
  adopt(client: pg.Client): Promise<void> {
    return this.#connections.adopt(client);
  }

  /** Does something on the connection, behind what is on its way there. */
  async use<T>(work: (client: pg.Client) => Promise<T>): Promise<T> {
    this.#unanswered++;
    this.#client ??= this.#connections.take();
    let client: pg.Client | undefined;
    try {
      client = await this.#client;
      return await work(client);
    } catch (error) {
      this.#broken = true;
      throw error;
    } finally {
      this.#unanswered--;
      if (this.#unanswered === 0) {
        if (client !== undefined) this.#connections.giveBack(client, this.#broken);
        this.#client = undefined;
        this.#broken = false;
      }
    }
  }

  /** Resolves when all is answered, and the connection is closed. Idempotent. */
  end(): Promise<void> {
    return this.#connections.end();
  }
}

/** What the connection of a line is made with. */
export function lineConfig<Config extends pg.ClientConfig>(config: Config): Config & { readonly pipeline: true } {
  return { ...config, pipeline: true };
}
