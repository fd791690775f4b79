import { type ChildProcess, fork } from "node:child_process";
import { existsSync, mkdtempSync, readFileSync, rmSync } from "node:fs";
import { createRequire } from "node:module";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { fileURLToPath, pathToFileURL } from "node:url";
import type { AnyRunnableTask } from "../contract/task.ts";
import type { Database } from "../engine/database.ts";
import { declareDead } from "../engine/liveness.ts";
import { rescueOrphans } from "../engine/rescue.ts";
import type { AttemptRequest, Hand, HandAttempt } from "./hand.ts";
import { UnstableTaskError } from "./unsafe-task.ts";

/**
 * Hands that are processes of their own (killed-process.ts), and kill themselves with SIGKILL at the effect that they are told. One that was
 * not killed goes on with the next run; a spare one starts up meanwhile.
 */

/** What a process is told when it starts. */
export interface ProcessSetting {
  readonly database: string;
  readonly release: string;
  /** A `file:` URL. */
  readonly module: string;
  readonly task: string;
  /** Where it writes what it did before it kills itself. */
  readonly trace: string;
}

/** What a process says. */
export type ProcessAnswer = { readonly ready: number } | { readonly failed: string } | { readonly ended: HandAttempt };

const startedFromSource = import.meta.url.endsWith(".ts");

export class ProcessHands {
  readonly #database: Database;
  readonly #folder = mkdtempSync(join(tmpdir(), "taskmaster-kill-"));
  readonly #idle = new Map<AnyRunnableTask, Worker[]>();
  readonly #all = new Set<Worker>();
  #count = 0;

  constructor(database: Database) {
    this.#database = database;
  }

  async hire(task: AnyRunnableTask, release: string, module: string | URL | undefined): Promise<Hand> {
    if (module === undefined)
      throw new UnstableTaskError(
        `kill: "process" runs ${task.name} in a process of its own, which has to find it: name the file that exports it, module: new URL("./tasks.ts", import.meta.url)${release.endsWith("across") ? ", and acrossModule for the other release" : ""}.`,
        "",
      );
    const idle = this.#idle.get(task) ?? [];
    this.#idle.set(task, idle);
    const start = () => this.#start(task, release, module);
    const worker = idle.pop() ?? start();
    if (idle.length === 0) idle.push(start());
    await worker.ready();
    return {
      attempt: (request) => worker.attempt(request),
      stop: async () => void idle.push(worker),
    };
  }

  #start(task: AnyRunnableTask, release: string, module: string | URL): Worker {
    const url =
      module instanceof URL || module.startsWith("file:") ? String(module) : pathToFileURL(resolve(module)).href;
    const trace = join(this.#folder, String(++this.#count));
    const worker = new Worker(this.#database, {
      database: this.#database.url,
      release,
      module: url,
      task: task.name,
      trace,
    });
    this.#all.add(worker);
    return worker;
  }

  async stop(): Promise<void> {
    await Promise.all([...this.#all].map((worker) => worker.end()));
    rmSync(this.#folder, { recursive: true, force: true });
  }
}

class Worker {
  readonly #database: Database;
  readonly #setting: ProcessSetting;
  readonly #child: ChildProcess;
  readonly #exited: Promise<string>;
  #said = "";
  #process = 0;
  #answers: ((answer: ProcessAnswer) => void)[] = [];
  readonly #ready: Promise<ProcessAnswer>;

  constructor(database: Database, setting: ProcessSetting) {
    this.#database = database;
    this.#setting = setting;
    const file = fileURLToPath(new URL(`./killed-process.${startedFromSource ? "ts" : "js"}`, import.meta.url));
    // TypeScript's own source runs only in this package's tests.
    const execArgv = startedFromSource
      ? ["--import", pathToFileURL(createRequire(import.meta.url).resolve("jiti/register")).href]
      : [];
    this.#child = fork(file, [JSON.stringify(setting)], { execArgv, stdio: ["ignore", "pipe", "pipe", "ipc"] });
    for (const stream of [this.#child.stdout, this.#child.stderr])
      stream?.on("data", (data: Buffer) => {
        this.#said = (this.#said + String(data)).slice(-4_000);
      });
    this.#child.on("message", (answer: ProcessAnswer) => this.#answers.shift()?.(answer));
    this.#exited = new Promise((resolve) =>
      this.#child.once("close", (code, signal) => resolve(signal ?? `code ${code}`)),
    );
    this.#ready = this.#answer();
    this.#ready.catch(() => {}); // told to whoever hires it
  }

  async ready(): Promise<void> {
    const answer = await this.#ready;
    if ("ready" in answer) this.#process = answer.ready;
    if ("failed" in answer) throw new UnstableTaskError(answer.failed, "");
  }

  async attempt(request: AttemptRequest): Promise<HandAttempt> {
    const answered = this.#answer();
    this.#child.send(request);
    const answer = await answered;
    if ("ended" in answer) return answer.ended;
    throw new UnstableTaskError("failed" in answer ? answer.failed : "It has said that it is ready twice.", "");
  }

  /** The next thing that it says, or what it has left behind where it was killed. */
  #answer(): Promise<ProcessAnswer> {
    const said = new Promise<ProcessAnswer>((resolve) => this.#answers.push(resolve));
    const gone = this.#exited.then(async (how): Promise<ProcessAnswer> => {
      if (how !== "SIGKILL" || !existsSync(this.#setting.trace))
        throw new UnstableTaskError(
          `The process that ran ${this.#setting.task} has ended by itself (${how}). It said: ${this.#said.trim()}`,
          "",
        );
      await declareDead(this.#database, this.#process, "lease");
      await rescueOrphans(this.#database);
      return { ended: JSON.parse(readFileSync(this.#setting.trace, "utf8")) as HandAttempt };
    });
    return Promise.race([said, gone]);
  }

  async end(): Promise<void> {
    this.#child.kill("SIGKILL");
    await this.#exited;
    if (this.#process > 0) await declareDead(this.#database, this.#process, "lease").catch(() => false);
  }
}
