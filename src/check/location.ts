import { readFileSync } from "node:fs";

/** Where a task is written, for editors and annotations. */
export interface Location {
  /** From the working directory, with slashes. */
  readonly file: string;
  /** Counted from 1. */
  readonly line: number;
}

/**
 * Finds the lines on which tasks are named.
 *
 * @param files the file of each task by its name, from the working directory
 * @returns what says where a finding of a task belongs; of a task without a file, the fallback
 */
export function locator(files: ReadonlyMap<string, string>, fallback: string): (task: string) => Location {
  const texts = new Map<string, readonly string[]>();
  const linesOf = (file: string) => {
    const known = texts.get(file) ?? read(file);
    texts.set(file, known);
    return known;
  };
  return (task) => {
    const file = files.get(task) ?? fallback;
    const named = [`"${task}"`, `'${task}'`, `\`${task}\``];
    const index = linesOf(file).findIndex((line) => named.some((name) => line.includes(name)));
    return { file: file.replaceAll("\\", "/"), line: Math.max(0, index) + 1 };
  };
}

function read(file: string): readonly string[] {
  try {
    return readFileSync(file, "utf8").split("\n");
  } catch {
    return [];
  }
}
