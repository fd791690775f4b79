import { execFileSync, spawn } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Redis } from "ioredis";
import { treeSeconds } from "./cpu.js";

const persistence = {
  redis: ["--appendonly", "no"],
  "redis-aof": ["--appendonly", "yes", "--appendfsync", "everysec"],
  "redis-always": ["--appendonly", "yes", "--appendfsync", "always"],
};

/** A Redis of our own on a free port. */
export class RedisServer {
  /** @type {string} */ url;
  /** @type {import("node:child_process").ChildProcess} */ #server;
  /** @type {string} */ #folder;

  /** @param {string} url @param {import("node:child_process").ChildProcess} server @param {string} folder */
  constructor(url, server, folder) {
    this.url = url;
    this.#server = server;
    this.#folder = folder;
  }

  /** @param {keyof typeof persistence} kind */
  static async start(kind) {
    const folder = mkdtempSync(join(tmpdir(), "taskmaster-bench-redis-"));
    const port = await freePort();
    const server = spawn(
      "redis-server",
      [
        "--port",
        String(port),
        "--bind",
        "127.0.0.1",
        "--save",
        "",
        "--maxmemory-policy",
        "noeviction",
        "--dir",
        folder,
        ...persistence[kind],
      ],
      { stdio: "ignore" },
    );
    const url = `redis://127.0.0.1:${port}`;
    const redis = new Redis(url, { maxRetriesPerRequest: null, retryStrategy: () => 20 });
    redis.on("error", () => {});
    await redis.ping();
    redis.disconnect();
    return new RedisServer(url, server, folder);
  }

  async empty() {
    const redis = new Redis(this.url);
    await redis.flushall();
    redis.disconnect();
  }

  async spent() {
    return { wal: undefined, cpu: this.#server.pid === undefined ? undefined : treeSeconds(this.#server.pid) };
  }

  async stop() {
    const exited = new Promise((resolve) => this.#server.once("exit", resolve));
    this.#server.kill("SIGKILL");
    await exited;
    rmSync(this.#folder, { recursive: true, force: true });
  }
}

/** The version of the installed Redis, undefined where there is none. */
export function redisVersion() {
  try {
    return /v=(\S+)/.exec(execFileSync("redis-server", ["--version"], { encoding: "utf8" }))?.[1];
  } catch {
    return undefined;
  }
}

/** @returns {Promise<number>} */
function freePort() {
  return new Promise((resolve, reject) => {
    const server = createServer();
    server.once("error", reject);
    server.listen(0, "127.0.0.1", () => {
      const address = server.address();
      server.close(() =>
        address !== null && typeof address === "object" ? resolve(address.port) : reject(new Error("no free port")),
      );
    });
  });
}
