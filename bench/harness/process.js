import { fork } from "node:child_process";
import { fileURLToPath } from "node:url";

const program = fileURLToPath(new URL("./child.js", import.meta.url));

/** The parent's side of a contestant's process (`child.js`). */
export class ContestantProcess {
  /** @type {import("node:child_process").ChildProcess} */
  #child;
  /** @type {Map<number, { resolve(value: unknown): void, reject(error: Error): void }>} */
  #calls = new Map();
  #next = 1;

  /** @param {import("node:child_process").ChildProcess} child */
  constructor(child) {
    this.#child = child;
    child.on("message", (/** @type {{ id?: number, result?: unknown, error?: string }} */ { id, result, error }) => {
      if (id === undefined) return;
      const call = this.#calls.get(id);
      this.#calls.delete(id);
      if (error === undefined) call?.resolve(result);
      else call?.reject(new Error(error));
    });
    child.once("exit", (code, signal) => {
      for (const { reject } of this.#calls.values())
        reject(new Error(`A contestant's process ended with ${signal ?? code}.`));
      this.#calls.clear();
    });
  }

  /** @param {import("./contestant.js").Contestant} contestant @returns {Promise<ContestantProcess>} */
  static async start({ id, file }) {
    const child = fork(program, [id, file], {
      env: { ...process.env, NODE_ENV: "production", NO_LOG_SUCCESS: "1" },
      stdio: ["ignore", "ignore", "inherit", "ipc"],
    });
    await new Promise((resolve, reject) => {
      child.once("message", resolve);
      child.once("exit", (code) => reject(new Error(`${id}: its process ended with ${code} before it was ready.`)));
    });
    return new ContestantProcess(child);
  }

  /**
   * @template {keyof import("./child.js").Commands} Name
   * @param {Name} command
   * @param {Parameters<import("./child.js").Commands[Name]>[0]} [options]
   * @returns {Promise<Awaited<ReturnType<import("./child.js").Commands[Name]>>>}
   */
  call(command, options = {}) {
    const id = this.#next++;
    return new Promise((resolve, reject) => {
      this.#calls.set(id, { resolve: /** @type {(value: any) => void} */ (resolve), reject });
      this.#child.send({ id, command, options });
    });
  }

  /** Ends the process, whatever it does: stores are thrown away after each measurement. */
  async end() {
    if (this.#child.exitCode !== null || this.#child.signalCode !== null) return;
    const exited = new Promise((resolve) => this.#child.once("exit", resolve));
    this.#child.kill("SIGKILL");
    await exited;
  }
}
