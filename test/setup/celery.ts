import { type ChildProcess, execFileSync, spawn } from "node:child_process";
import { randomUUID } from "node:crypto";
import { appendFileSync, existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { onTestFinished } from "vitest";
import { AmqpConnection } from "../../src/brokers/amqp-connection.ts";
import { hasProgram } from "./brokers.ts";
import { until } from "./until.ts";

const python = "/usr/bin/python3";

export function hasCelery(): boolean {
  return hasProgram(python, "-c", "import celery, redis");
}

const tasks = `
import os, time
from celery import Celery
app = Celery("tasks", broker=os.environ["BROKER"])
space = os.environ["SPACE"]
app.conf.update(
    control_exchange=space,
    event_exchange=space + "-events",
    task_default_queue=space + "-main",
    task_default_exchange=space + "-main",
    task_default_routing_key=space + "-main",
    task_routes={"mail.*": {"queue": space + "-mail"}},
    worker_prefetch_multiplier=int(os.environ.get("PREFETCH", "4")),
    worker_enable_remote_control=os.environ.get("REMOTE_CONTROL", "1") == "1",
)
def body(task, n, seconds):
    with open(os.environ["TRACE"], "a") as trace: trace.write(f"{time.time()} start {task} {n}\\n")
    end = time.time() + seconds
    while time.time() < end and not os.path.exists(os.environ["TRACE"] + ".released"): time.sleep(min(0.05, seconds))
    with open(os.environ["TRACE"], "a") as trace: trace.write(f"{time.time()} end {task} {n}\\n")
@app.task(name="bill.charge")
def charge(n, seconds): body("bill.charge", n, seconds)
@app.task(name="mail.send")
def send(n, seconds): body("mail.send", n, seconds)
@app.task(name="index.rebuild", acks_late=True, reject_on_worker_lost=True)
def rebuild(n, seconds): body("index.rebuild", n, seconds)
@app.task(name="mail.limited", rate_limit="30/m")
def limited(n, seconds): body("mail.limited", n, seconds)
@app.task(name="index.late", acks_late=True)
def late(n, seconds): body("index.late", n, seconds)
`;

export interface Traced {
  /** Epoch milliseconds. */
  readonly at: number;
  readonly event: "start" | "end";
  readonly task: string;
  readonly n: number;
}

/** A Celery app with queues and a control exchange of its own at a broker that others use too. */
export class CeleryApp {
  readonly space = `tm${randomUUID().slice(0, 8)}`;
  /** Of no task: only who asks for it by name consumes it or sends something there. */
  get extraQueue(): string {
    return `${this.space}-extra`;
  }

  /** As `--fleet` takes it. */
  readonly fleet: string;
  readonly #folder = mkdtempSync(join(tmpdir(), "taskmaster-celery-"));
  readonly #env: NodeJS.ProcessEnv;

  constructor(broker: string) {
    this.fleet = `celery=${broker}${broker.includes("?") ? "&" : "?"}control_exchange=${this.space}`;
    // TMPDIR: what Python's processes leave there when they are killed goes with the rest.
    const places = { TRACE: join(this.#folder, "trace"), TMPDIR: this.#folder };
    this.#env = { ...process.env, BROKER: broker, SPACE: this.space, ...places };
    writeFileSync(join(this.#folder, "tasks.py"), tasks);
    appendFileSync(join(this.#folder, "trace"), "");
    if (broker.startsWith("amqp")) onTestFinished(() => this.#deleteQueues(broker));
    onTestFinished(() => rmSync(this.#folder, { recursive: true, force: true, maxRetries: 5 }));
  }

  async #deleteQueues(broker: string): Promise<void> {
    const connection = await AmqpConnection.open(broker);
    const channel = await connection.channel();
    const gate = `taskmaster.gate.${this.space}`;
    for (const name of [
      `${this.space}-main`,
      `${this.space}-mail`,
      gate,
      `${gate}.lease`,
      `${gate}.known`,
      this.extraQueue,
    ])
      await channel.deleteQueue(name);
    await connection.close();
  }

  /** Where `tasks.py` is, and what it wants from its environment. */
  get setting(): { readonly folder: string; readonly env: NodeJS.ProcessEnv } {
    return { folder: this.#folder, env: this.#env };
  }

  /** Starts a worker and waits until it is ready. Answers with its main process, which leads a group. */
  async worker(
    name: string,
    args: readonly string[] = [],
    env: Readonly<Record<string, string>> = {},
    queues = `${this.space}-main,${this.space}-mail`,
  ): Promise<ChildProcess> {
    const worker = spawn(
      python,
      ["-m", "celery", "-A", "tasks", "worker", "-n", name, "-Q", queues, "--loglevel=INFO", ...args],
      { cwd: this.#folder, env: { ...this.#env, ...env }, detached: true, stdio: ["ignore", "ignore", "pipe"] },
    );
    onTestFinished(() => {
      if (worker.pid !== undefined) signalGroup(worker.pid, "SIGKILL");
    });
    let said = "";
    worker.stderr?.on("data", (data: Buffer) => {
      said += data;
    });
    await until(`the Celery worker ${name} is ready`, () => said.includes(" ready."), { forMs: 60_000 });
    return worker;
  }

  /** Runs Python with the tasks at hand. */
  python(code: string): string {
    return execFileSync(python, ["-c", `from tasks import *\n${code}`], {
      cwd: this.#folder,
      env: this.#env,
      encoding: "utf8",
      timeout: 60_000,
    });
  }

  /** Ends every task that runs, and those that will: how long one runs is no matter of how quick this machine is. */
  release(): void {
    writeFileSync(join(this.#folder, "trace.released"), "");
  }

  /** Those that start from now on run as long as they say. */
  holdAgain(): void {
    rmSync(join(this.#folder, "trace.released"));
  }

  /** What each worker consumes, in its order. So many workers are waited for; one that is stopped or has gone is not among them. */
  activeQueues(workers = 1): unknown {
    return JSON.parse(
      this.python(
        `import json\nprint(json.dumps(app.control.inspect(timeout=10, limit=${workers}).active_queues() or {}, sort_keys=True))`,
      ),
    );
  }

  /** Waits until so many tasks have ended. */
  async ended(count: number): Promise<void> {
    await until(`${count} tasks have ended`, () => this.trace().filter(({ event }) => event === "end").length >= count);
  }

  trace(): Traced[] {
    const file = join(this.#folder, "trace");
    if (!existsSync(file)) return [];
    const lines = readFileSync(file, "utf8").split("\n").filter(Boolean);
    return lines.map((line) => {
      const [at, event, task = "", n] = line.split(" ");
      return { at: Number(at) * 1_000, event: event === "start" ? "start" : "end", task, n: Number(n) };
    });
  }
}

export function signalGroup(leader: number, signal: NodeJS.Signals): void {
  try {
    process.kill(-leader, signal);
  } catch {
    // it has gone
  }
}
