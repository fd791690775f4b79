import { mkdtempSync, readdirSync, rmSync, statfsSync } from "node:fs";
import { freemem, tmpdir } from "node:os";
import { join } from "node:path";

const inMemory = "/dev/shm";
/** Ten times what a run takes. */
const enough = 2 * 2 ** 30;
const prefix = "taskmaster-test-";

/**
 * A folder for the server of this run. Every test makes and drops a database of four hundred files, and on a disk's file system a fifth of a run's
 * processor time went into finding places for them: so in memory, where there is plenty.
 */
export function serverFolder(): string {
  const folder = hasRoom() ? inMemory : tmpdir();
  for (const name of readdirSync(folder))
    if (isLeft(name)) rmSync(join(folder, name), { recursive: true, force: true, maxRetries: 5 });
  return mkdtempSync(join(folder, `${prefix}${process.pid}-`));
}

function hasRoom(): boolean {
  try {
    const { bavail, bsize } = statfsSync(inMemory);
    return bavail * bsize > enough && freemem() > 4 * enough;
  } catch {
    return false; // not on this system
  }
}

/** Whether a run left it that was killed. */
function isLeft(name: string): boolean {
  const pid = new RegExp(`^${prefix}(\\d+)-`).exec(name)?.[1];
  if (pid === undefined) return false;
  try {
    process.kill(Number(pid), 0);
    return false;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === "ESRCH";
  }
}
