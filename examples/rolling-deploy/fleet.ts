import { type ChildProcess, fork } from "node:child_process";
import { once } from "node:events";
import { fileURLToPath } from "node:url";

export type Queue = "taskmaster" | "plain";
export type ReleaseName = "N" | "N+1";

/** A job whose enqueue was acknowledged to its web process. */
export interface Acknowledged {
  readonly job: string;
  readonly release: ReleaseName;
  readonly revision: number;
  readonly dueAt: number;
}

interface Member {
  readonly child: ChildProcess;
  readonly release: ReleaseName;
  state: "starting" | "up" | "stopping" | "killed";
}

/** Two web processes and three workers on one queue, each an operating-system process of its own. */
export class DemoFleet {
  readonly queue: Queue;
  readonly acknowledged: Acknowledged[] = [];
  readonly members = new Map<string, Member>();
  readonly #database: string;

  constructor(queue: Queue, database: string) {
    this.queue = queue;
    this.#database = database;
  }

  /** Starts a process and waits until it is ready. */
  async start(name: string, release: ReleaseName): Promise<void> {
    const child = fork(fileURLToPath(new URL("./run.mjs", import.meta.url)), ["process.ts"], {
      execArgv: [],
      env: {
        ...process.env,
        DEMO_DATABASE: this.#database,
        DEMO_QUEUE: this.queue,
        DEMO_ROLE: name.split(" ")[0] ?? "",
        DEMO_RELEASE: release,
      },
    });
    const member: Member = { child, release, state: "starting" };
    this.members.set(name, member);
    await new Promise<void>((resolve, reject) => {
      child.on("message", (message: { up?: true; enqueued?: string; revision?: number; dueAt?: number }) => {
        if (message.up) resolve();
        if (message.enqueued !== undefined)
          this.acknowledged.push({
            job: message.enqueued,
            release,
            revision: message.revision ?? 0,
            dueAt: message.dueAt ?? 0,
          });
      });
      child.once("exit", (code) =>
        reject(
          new Error(`${name} of release ${release} on ${this.queue} ended with code ${code} before it was ready.`),
        ),
      );
    });
    member.state = "up";
  }

  /** Stops a process in good order, as a deploy does. */
  async stop(name: string): Promise<void> {
    const member = this.members.get(name);
    if (member === undefined || member.child.exitCode !== null) return;
    member.state = "stopping";
    member.child.kill("SIGTERM");
    await once(member.child, "exit");
    this.members.delete(name);
  }

  /** Kills a process in the middle of whatever it does. */
  async kill(name: string): Promise<void> {
    const member = this.members.get(name);
    if (member === undefined) return;
    member.state = "killed";
    member.child.kill("SIGKILL");
    await once(member.child, "exit");
  }

  async restart(name: string, release: ReleaseName): Promise<void> {
    await this.stop(name);
    await this.start(name, release);
  }

  killAll(): void {
    for (const { child } of this.members.values()) child.kill("SIGKILL");
  }
}
