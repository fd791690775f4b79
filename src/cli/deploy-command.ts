import { spawn } from "node:child_process";
import { constants } from "node:os";
import { NotDoneError } from "./failure.ts";

/** How long what a command has started may take to end after a signal, in milliseconds: meanwhile the gate stays closed. */
const endingMs = 60_000;

/**
 * Runs a command behind the gate to its end, and answers with its exit code. A signal that reaches us reaches it too, and whatever it has started: a
 * shell that is told to end leaves the migration that it runs behind. On a terminal Ctrl-C reaches them all by itself.
 *
 * @throws {NotDoneError} where there is no such command
 */
export function runCommand(
  [file = "", ...args]: readonly string[],
  signal: AbortSignal,
  deploy: number | undefined,
): Promise<number> {
  const isGroup = process.platform !== "win32" && process.stdin.isTTY !== true;
  return new Promise((resolve, reject) => {
    const child = spawn(file, args, {
      stdio: "inherit",
      detached: isGroup,
      env: { ...process.env, TASKMASTER_DEPLOY: String(deploy ?? "") },
    });
    const group = isGroup && child.pid !== undefined ? -child.pid : undefined;
    const forward = () => (group === undefined ? child.kill("SIGTERM") : kill(group, "SIGTERM"));
    signal.addEventListener("abort", forward, { once: true });
    child.on("error", (error: NodeJS.ErrnoException) => {
      reject(
        error.code === "ENOENT"
          ? new NotDoneError(`The command ${file} was not found. Write it after --, such as: deploy run -- ./deploy.sh`)
          : error,
      );
    });
    child.on("exit", async (code, killedBy) => {
      signal.removeEventListener("abort", forward);
      if (signal.aborted && group !== undefined) await gone(group);
      resolve(code ?? 128 + (killedBy ? constants.signals[killedBy] : 0));
    });
  });
}

/** Whether there is anybody who can be signalled. */
function kill(group: number, signal: "SIGTERM" | 0): boolean {
  try {
    return process.kill(group, signal);
  } catch {
    return false;
  }
}

async function gone(group: number): Promise<void> {
  for (const until = performance.now() + endingMs; performance.now() < until && kill(group, 0); )
    await new Promise((resolve) => setTimeout(resolve, 50));
}
