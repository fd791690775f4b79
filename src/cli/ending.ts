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
