import pg from "pg";
import type { DatabaseOptions } from "./database.ts";

/** Longer than the server's: it only speaks where no answer comes at all. */
export const silenceTimeoutMs = 40_000;

/** JSON is handed on as text: payloads are parsed where a bad one can be told apart, once. */
const rawJson = {
  getTypeParser: (oid: number, format?: "text" | "binary") =>
    oid === 114 || oid === 3802 ? String : pg.types.getTypeParser(oid, format),
};

/** What a connection of ours is made with, also a dedicated one (listen, heartbeat). */
export function clientConfig({ url, applicationName = "taskmaster" }: DatabaseOptions) {
  return {
    connectionString: url,
    application_name: applicationName,
    connectionTimeoutMillis: 10_000,
    query_timeout: silenceTimeoutMs,
    keepAlive: true,
    keepAliveInitialDelayMillis: 10_000,
    types: rawJson as pg.CustomTypesConfig,
  } satisfies pg.ClientConfig;
}
