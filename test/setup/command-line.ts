import { spawn } from "node:child_process";
import { mkdirSync, mkdtempSync, realpathSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { onTestFinished } from "vitest";

const root = fileURLToPath(new URL("../..", import.meta.url));

export interface Answer {
  readonly code: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

/** A folder of a user's, with this package and zod installed, in which the command line is called as users call it. */
export class Project {
  readonly folder: string;
  readonly #env: NodeJS.ProcessEnv;

  constructor(database: string, files: Readonly<Record<string, string>>) {
    this.folder = realpathSync(mkdtempSync(join(tmpdir(), "taskmaster-project-")));
    this.#env = { ...process.env, DATABASE_URL: database, NO_COLOR: "1", TASKMASTER_RELEASE: "" };
    mkdirSync(join(this.folder, "node_modules"));
    symlinkSync(root, join(this.folder, "node_modules/taskmaster"));
    for (const name of ["zod", "pg"])
      symlinkSync(join(root, "node_modules", name), join(this.folder, "node_modules", name));
    for (const [name, text] of Object.entries({ "package.json": '{ "type": "module" }', ...files }))
      this.write(name, text);
    onTestFinished(() => rmSync(this.folder, { recursive: true, force: true, maxRetries: 5 }));
  }

  write(name: string, text: string): void {
    mkdirSync(dirname(join(this.folder, name)), { recursive: true });
    writeFileSync(join(this.folder, name), text);
  }

  /** Calls `taskmaster …` and waits for its end. */
  async call(args: readonly string[], input: string | Uint8Array = ""): Promise<Answer> {
    const child = this.start(args);
    child.stdin.on("error", () => {}); // it may answer without having read
    child.stdin.end(input);
    let [stdout, stderr] = ["", ""];
    child.stdout.on("data", (data: Buffer) => {
      stdout += data;
    });
    child.stderr.on("data", (data: Buffer) => {
      stderr += data;
    });
    const code = await new Promise<number | null>((resolve) => child.once("close", resolve));
    return { code, stdout, stderr };
  }

  /** Starts `taskmaster …`; it is killed when the test ends. */
  start(args: readonly string[]) {
    const child = spawn(process.execPath, [join(root, "dist/cli/main.js"), ...args], {
      cwd: this.folder,
      env: this.#env,
    });
    onTestFinished(() => void child.kill("SIGKILL"));
    return child;
  }
}
