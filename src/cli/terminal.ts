import { createInterface } from "node:readline/promises";
import pc from "picocolors";
import { formatMilliseconds } from "../contract/duration.ts";

/** Writing for people: tables, times, questions. Colours only on a terminal (picocolors looks, also at NO_COLOR). */

/** Lines up columns; numbers to the right. */
export function table(head: readonly string[], rows: readonly (readonly (string | number)[])[]): string {
  const texts = rows.map((row) => row.map(String));
  const widths = head.map((title, column) => Math.max(width(title), ...texts.map((row) => width(row[column] ?? ""))));
  const right = head.map((_, column) => rows.length > 0 && rows.every((row) => typeof row[column] === "number"));
  const line = (cells: readonly string[]) =>
    cells
      .map((cell, column) => {
        const space = " ".repeat(Math.max(0, (widths[column] ?? 0) - width(cell)));
        return right[column] ? space + cell : cell + space;
      })
      .join("  ")
      .trimEnd();
  return [pc.dim(line(head)), ...texts.map(line)].join("\n");
}

/** As shown: without the marks that colour it. */
function width(text: string): number {
  // biome-ignore lint/suspicious/noControlCharactersInRegex: the escape that begins a colour
  return text.replace(/\x1b\[[0-9;]*m/g, "").length;
}

/** A time in the reader's zone. */
export function localTime(time: Date | null): string {
  if (time === null) return "–";
  const today = time.toDateString() === new Date().toDateString();
  return today ? time.toLocaleTimeString("sv") : time.toLocaleString("sv");
}

/** How long ago, or in how long. */
export function fromNow(time: Date): string {
  const ms = time.getTime() - Date.now();
  return ms > 0 ? `in ${formatMilliseconds(ms)}` : `${formatMilliseconds(-ms)} ago`;
}

/** Asks for a yes on a terminal. */
export async function confirm(question: string): Promise<boolean> {
  const terminal = createInterface({ input: process.stdin, output: process.stderr });
  try {
    const answer = await terminal.question(`${question} [y/N] `);
    return /^y(es)?$/i.test(answer.trim());
  } finally {
    terminal.close();
  }
}

export function printJson(value: unknown): void {
  process.stdout.write(`${JSON.stringify(value, null, 2)}\n`);
}
