import { type ChildProcess, spawn, spawnSync } from "node:child_process";
import { existsSync, mkdtempSync, readdirSync, rmSync } from "node:fs";
import { connect, createServer, type Socket } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { onTestFinished } from "vitest";
import { until } from "./until.ts";

/** Real brokers, where they can be had. `TASKMASTER_TEST_AMQP` and `TASKMASTER_TEST_REDIS` name others than those of this machine. */
export const brokers = {
  amqp: process.env.TASKMASTER_TEST_AMQP ?? "amqp://guest:guest@127.0.0.1:5672/",
  redis: process.env.TASKMASTER_TEST_REDIS ?? "redis://127.0.0.1:6379/9",
};

/** Whether something listens there. */
export function listens(address: string): Promise<boolean> {
  const { hostname, port, protocol } = new URL(address);
  return new Promise((resolve) => {
    const socket = connect({ host: hostname, port: Number(port || (protocol === "redis:" ? 6379 : 5672)) });
    socket.once("connect", () => resolve(true)).once("error", () => resolve(false));
    socket.once("close", () => resolve(false));
    socket.setTimeout(2_000, () => socket.destroy());
    socket.once("connect", () => socket.destroy());
  });
}

/** Says loudly what is left out. Answers whether the test can run. */
export function orSayWhatIsLeftOut(isThere: boolean, what: string, missing: string): boolean {
  if (!isThere)
    console.warn(
      `\n*** LEFT OUT: ${what}, because ${missing}. .ci/brokers installs it from Debian's and npm's packages. ***\n`,
    );
  return isThere;
}

export function hasProgram(name: string, ...args: string[]): boolean {
  return spawnSync(name, args, { stdio: "ignore" }).status === 0;
}

/** The folders of packages that are no dependency of ours: `.ci/brokers` installs workers of other queues there, each version in one. */
export function workerFolders(name: string): string[] {
  const folder = join(tmpdir(), "taskmaster-test-workers");
  if (!existsSync(folder)) return [];
  const versions = readdirSync(folder).filter((each) => each.startsWith(`${name}@`));
  return versions
    .sort()
    .reverse()
    .map((each) => join(folder, each));
}

/** A way to a broker that can be cut in the middle, as a broker that dies does. */
export async function cuttable(address: string): Promise<{ address: string; cut: () => void }> {
  const target = new URL(address);
  const open = new Set<Socket>();
  const server = createServer((near) => {
    const far = connect({ host: target.hostname, port: Number(target.port) });
    for (const socket of [near, far]) {
      open.add(socket);
      socket.on("error", () => {}).on("close", () => open.delete(socket));
    }
    near.pipe(far).pipe(near);
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", () => resolve()));
  const cut = () => {
    server.close();
    for (const socket of open) socket.destroy();
  };
  onTestFinished(cut);
  const { port } = server.address() as { port: number };
  const near = new URL(address);
  near.hostname = "127.0.0.1";
  near.port = String(port);
  return { address: near.href, cut };
}

/** A Redis of this test's own, with a password where one is asked for. */
export async function ownRedis(password = "", ...settings: readonly string[]): Promise<string> {
  const folder = mkdtempSync(join(tmpdir(), "taskmaster-redis-"));
  const running: ChildProcess[] = [];
  onTestFinished(() => {
    for (const server of running) server.kill("SIGKILL");
    rmSync(folder, { recursive: true, force: true, maxRetries: 5 });
  });
  // Somebody can take a port between the look and the start, and a cluster's node takes a second one, 10,000 above: then it ends, and
  // the next port is tried.
  for (let tries = 1; ; tries++) {
    const port = await freePortWithBus();
    const args = ["--port", String(port), "--save", "", "--appendonly", "no", "--bind", "127.0.0.1", ...settings];
    const server = spawn("redis-server", [...args, ...(password === "" ? [] : ["--requirepass", password])], {
      stdio: ["ignore", "pipe", "ignore"],
      cwd: folder,
    });
    running.push(server);
    let said = "";
    server.stdout.on("data", (chunk) => {
      said += String(chunk);
    });
    const address = `redis://${password === "" ? "" : `:${password}@`}127.0.0.1:${port}/0`;
    await until("this test's Redis listens or has ended", () => server.exitCode !== null || listens(address));
    if (server.exitCode === null) return address;
    if (tries === 5) throw new Error(`This test's Redis ended five times. It said last:\n${said}`);
  }
}

/** A port below those that this machine gives to connections, which nobody listens on now, nor on the one 10,000 above it. */
export async function freePortWithBus(): Promise<number> {
  for (;;) {
    const port = 10_000 + Math.floor(Math.random() * 12_000);
    if ((await isFree(port)) && (await isFree(port + 10_000))) return port;
  }
}

function isFree(port: number): Promise<boolean> {
  const server = createServer();
  return new Promise((resolve) => {
    server.once("error", () => resolve(false));
    server.listen(port, "127.0.0.1", () => server.close(() => resolve(true)));
  });
}
