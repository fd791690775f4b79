import { spawn, spawnSync } from "node:child_process";
import { connect, createServer, type Socket } from "node:net";
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
    console.warn(`\n*** LEFT OUT: ${what}, because ${missing}. .ci/run installs it from Debian's packages. ***\n`);
  return isThere;
}

export function hasProgram(name: string, ...args: string[]): boolean {
  return spawnSync(name, args, { stdio: "ignore" }).status === 0;
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
export async function ownRedis(password = ""): Promise<string> {
  const port = 20_000 + Math.floor(Math.random() * 20_000);
  const args = ["--port", String(port), "--save", "", "--appendonly", "no", "--bind", "127.0.0.1"];
  const server = spawn("redis-server", [...args, ...(password === "" ? [] : ["--requirepass", password])], {
    stdio: "ignore",
    cwd: "/tmp",
  });
  onTestFinished(() => void server.kill("SIGKILL"));
  const address = `redis://${password === "" ? "" : `:${password}@`}127.0.0.1:${port}/0`;
  await until("this test's Redis listens", () => listens(address));
  return address;
}
