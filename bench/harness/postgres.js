import pg from "pg";
import { isNamed, parentOf, treeSeconds } from "./cpu.js";

/** The settings that decide such figures; they stand in every results file. */
const telling = [
  "server_version",
  "synchronous_commit",
  "fsync",
  "full_page_writes",
  "shared_buffers",
  "max_wal_size",
  "autovacuum",
  "autovacuum_naptime",
  "wal_level",
  "wal_compression",
  "max_connections",
];

/** The Postgres under test: makes and drops databases, and tells what they cost. */
export class PostgresServer {
  /** @type {string} */ url;
  /** @type {pg.Client} */ #admin;
  /** @type {number | undefined} */ #postmaster;
  #made = 0;

  /** @param {string} url @param {pg.Client} admin @param {number | undefined} postmaster */
  constructor(url, admin, postmaster) {
    this.url = url;
    this.#admin = admin;
    this.#postmaster = postmaster;
  }

  /** @param {string} url of a role that may create databases */
  static async connect(url) {
    const admin = new pg.Client(url);
    admin.on("error", () => {});
    await admin.connect();
    const { rows } = await admin.query("select pg_backend_pid() as pid");
    const backend = rows[0].pid;
    const parent = isNamed(backend, "postgres") ? parentOf(backend) : undefined;
    return new PostgresServer(url, admin, parent);
  }

  /** @param {string} name */
  urlOf(name) {
    const url = new URL(this.url);
    url.pathname = `/${name}`;
    return url.href;
  }

  /** A new database, by default an empty one. @param {string} [template] */
  async create(template = "template0") {
    const name = `taskmaster_bench_${process.pid}_${++this.#made}`;
    await this.#admin.query(`create database ${name} template ${template}`);
    return name;
  }

  /** @param {string} name */
  async drop(name) {
    await this.#admin.query(`drop database if exists ${name} with (force)`);
  }

  async settings() {
    const { rows } = await this.#admin.query(
      "select name, current_setting(name) as value from pg_settings where name = any($1)",
      [telling],
    );
    return Object.fromEntries(rows.map(({ name, value }) => [name, value]));
  }

  /** What the server has spent so far: bytes of WAL and, where it runs on this machine, seconds of CPU. */
  async spent() {
    const { rows } = await this.#admin.query("select pg_wal_lsn_diff(pg_current_wal_lsn(), '0/0')::float8 as wal");
    return {
      wal: /** @type {number} */ (rows[0].wal),
      cpu: this.#postmaster === undefined ? undefined : treeSeconds(this.#postmaster),
    };
  }

  /** A flush of everything, so that no measurement pays for the one before it. */
  async checkpoint() {
    await this.#admin.query("checkpoint").catch(() => {}); // a role may lack the right; then rounds and medians have to do
  }

  close() {
    return this.#admin.end();
  }
}
