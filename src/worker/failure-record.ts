import type { FailureRecord } from "../engine/settle.ts";

const messageLimit = 2_000;
const stackLimit = 8_000;

/** What an attempt threw, cut to the size that is kept; whatever it threw, also something that is no Error. */
export function failureRecord(thrown: unknown, kind: FailureRecord["kind"]): FailureRecord {
  if (thrown instanceof Error) {
    const cause = thrown.cause instanceof Error ? `\nCaused by: ${thrown.cause.stack ?? thrown.cause.message}` : "";
    return {
      kind,
      name: cut(thrown.name, 200),
      message: cut(thrown.message, messageLimit),
      stack: cut(`${thrown.stack ?? ""}${cause}`, stackLimit),
    };
  }
  return { kind, name: "NotAnError", message: cut(`The task threw ${describe(thrown)}`, messageLimit), stack: null };
}

function describe(thrown: unknown): string {
  try {
    return typeof thrown === "string" ? `the text "${thrown}".` : `${JSON.stringify(thrown) ?? String(thrown)}.`;
  } catch {
    return `a value of type ${typeof thrown}.`;
  }
}

function cut(text: unknown, limit: number): string {
  return String(text).slice(0, limit);
}
