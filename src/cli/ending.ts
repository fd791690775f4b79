/** When this program ends: after its work, and where nobody reads any more what it says. */

/**
 * Ends this program. The code of the user's tasks may keep it alive: a pool of connections, a client of Redis, a timer. It has a moment to close
 * them by itself; nobody who runs a command, nor a deploy that restarts a worker, should wait for longer.
 *
 * @param graceMs in milliseconds
 */
export function endSoon(graceMs: number): void {
  const end = () => {
    // Elsewhere than on Linux what a slow reader of a pipe (`| less`) has not taken yet would be lost.
    if (process.stdout.writableLength + process.stderr.writableLength === 0) process.exit();
    setTimeout(end, 100).unref();
  };
  setTimeout(end, graceMs).unref();
}

/**
 * A reader that has seen enough (`| head`) is no error, and ends a command, with the exit code that it has come to. A worker stops in good order: its log may have been read by a
 * program that died, and jobs run.
 */
export function endWithoutReaders(isWorker: () => boolean): void {
  let isTold = false; // each line that it would write raises the error again, and a second signal would hurry the worker
  process.stdout.on("error", (error: NodeJS.ErrnoException) => {
    if (error.code !== "EPIPE") throw error;
    if (!isWorker()) process.exit(); // what it has found so far stays its exit code
    if (!isTold) process.kill(process.pid, "SIGTERM");
    isTold = true;
  });
  process.stderr.on("error", () => {}); // there is nobody left to be told
}
