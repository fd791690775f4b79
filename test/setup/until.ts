/**
 * Polls a condition that nothing announces (another connection waits for a lock, a process has gone), and answers with its first truthy
 * value. Where an event tells of it, wait for the event instead (events.ts).
 *
 * @param what said in the error, such as `the second claim waits for the first`
 */
export async function until<T>(
  what: string,
  condition: () => T | Promise<T>,
  { forMs = 60_000, everyMs = 10 }: { readonly forMs?: number; readonly everyMs?: number } = {},
): Promise<NonNullable<T>> {
  const deadline = performance.now() + forMs;
  let last: unknown;
  for (;;) {
    last = await condition();
    if (last) return last as NonNullable<T>;
    if (performance.now() > deadline) throw new Error(`Within ${forMs} ms it did not come true that ${what}.`);
    await new Promise((resolve) => setTimeout(resolve, everyMs));
  }
}
