import { InvalidContractError } from "../../contract/contract.ts";
import { type Duration, toMilliseconds } from "../../contract/duration.ts";
import type { Suspension } from "./suspension.ts";

/** Of a sleep or a wait: ten years. */
const longestMs = 3_653 * 86_400_000;

/** @throws {InvalidContractError} where it is longer than ten years */
export function sleepMs(duration: Duration, what: string): number {
  const ms = toMilliseconds(duration, what);
  if (ms > longestMs)
    throw new InvalidContractError(`${what} is ${JSON.stringify(duration)}: write ten years at most.`);
  return ms;
}

export async function sleep(suspension: Suspension, name: string, duration: Duration): Promise<void> {
  const { records } = suspension;
  const ms = sleepMs(duration, `The sleep "${name}"`);
  suspension.assertGoingOn();
  records.name(name, "a sleep");
  const known = await records.find(name);
  if (known?.due) return;
  await suspension.suspend(
    known ? { kind: "again", name, event: null, after: "0" } : { kind: "sleep", name, ms, seq: 1 },
  );
}
