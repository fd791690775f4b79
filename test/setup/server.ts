import { execFileSync } from "node:child_process";
import { rmSync } from "node:fs";
import { fileURLToPath } from "node:url";
import pg from "pg";
import type { TestProject } from "vitest/node";
import { openEmbedded } from "../../src/embedded/embedded.ts";
import { Database } from "../../src/engine/database.ts";
import { migrate } from "../../src/engine/migrate.ts";
import { serverFolder } from "./server-folder.ts";

declare module "vitest" {
  export interface ProvidedContext {
    /** The server that the tests run on, by its maintenance database. */
    server: string;
    /** A migrated database, to be copied. */
    template: string;
  }
}

/**
 * Once per run: builds dist/ (child processes run what users run), starts the embedded Postgres in a folder of its own, or takes the server that
 * TASKMASTER_TEST_SERVER names, and migrates a template database that every test copies.
 */
export default async function setup(project: TestProject): Promise<() => Promise<void>> {
  execFileSync(process.execPath, [fileURLToPath(new URL("../../scripts/build.mjs", import.meta.url))], {
    stdio: "inherit",
  });
  const given = process.env.TASKMASTER_TEST_SERVER;
  const folder = serverFolder();
  const embedded = given ? undefined : await openEmbedded({ folder });
  const server = given ?? embedded?.url ?? "";
  const template = `taskmaster_template_${process.pid}`;

  await onServer(server, async (client) => {
    await client.query(`create database ${template}`);
  });
  const database = new Database({ url: withDatabase(server, template) });
  await migrate(database);
  await database.end();

  project.provide("server", server);
  project.provide("template", template);
  return async () => {
    await onServer(server, async (client) => {
      await client.query(`drop database if exists ${template} with (force)`);
    });
    await embedded?.leave();
    rmSync(folder, { recursive: true, force: true });
  };
}

async function onServer(server: string, work: (client: pg.Client) => Promise<void>): Promise<void> {
  const client = new pg.Client(server);
  await client.connect();
  try {
    await work(client);
  } finally {
    await client.end();
  }
}

function withDatabase(server: string, name: string): string {
  const url = new URL(server);
  url.pathname = `/${name}`;
  return url.href;
}
