import { randomBytes } from "node:crypto";
import pg from "pg";
import { Taskmaster } from "taskmaster";

/** A database of the demonstration's own: on the server of DATABASE_URL, or on the embedded Postgres. */
export interface DemoServer {
  readonly url: string;
  readonly where: string;
  /** Drops the database. */
  leave(): Promise<void>;
}

export async function openServer(): Promise<DemoServer> {
  // Holding it keeps the embedded Postgres there until the database is dropped.
  const holder = new Taskmaster({ release: "the demonstration" });
  const { url: server, where } = await holder.start();
  const name = `taskmaster_demo_${randomBytes(4).toString("hex")}`;
  const admin = new pg.Client(server);
  admin.on("error", () => {});
  await admin.connect();
  await admin.query(`create database ${name}`);
  let left: Promise<void> | undefined;
  const drop = async () => {
    await admin.query(`drop database if exists ${name} with (force)`).catch(() => {});
    await admin.end();
    await holder.stop();
  };
  return {
    url: Object.assign(new URL(server), { pathname: `/${name}` }).href,
    where,
    leave: () => {
      left ??= drop();
      return left;
    },
  };
}
