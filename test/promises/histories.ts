/** Seeded choices, so that a history can be repeated. */
export interface Choices {
  chance(probability: number): boolean;
  between(least: number, most: number): number;
  of<T>(items: readonly T[]): T;
  shuffled<T>(items: readonly T[]): T[];
}

/** Mulberry32, a generator of 32 bits of state: a history needs repeatable choices, not good ones. */
export function choices(seed: number): Choices {
  let state = seed >>> 0;
  const random = () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
  const between = (least: number, most: number) => least + Math.floor(random() * (most - least + 1));
  return {
    chance: (probability) => random() < probability,
    between,
    of: (items) => items[between(0, items.length - 1)] as (typeof items)[number],
    shuffled: (items) =>
      items
        .map((item) => ({ item, at: random() }))
        .sort((a, b) => a.at - b.at)
        .map(({ item }) => item),
  };
}

/**
 * The task file of a release whose current revision is `number`: revision r has the fields n, f1 … fr. `downgrades[r]` says whether the
 * change to revision r can be taken back.
 */
export function release(number: number, downgrades: readonly boolean[]): string {
  const fields = (revision: number) =>
    Array.from({ length: revision }, (_, index) => `f${index + 1}: z.string()`).join(", ");
  const revisions = Array.from({ length: number - 1 }, (_, index) => index + 2).map(
    (revision) => `.revise(z.object({ n: z.number(), ${fields(revision)} }), {
      upgrade: (older) => ({ ...older, f${revision}: "upgraded" }),
      ${downgrades[revision - 1] ? `downgrade: ({ f${revision}, ...older }) => older,` : ""}
    })`,
  );
  return `
import { setTimeout as pause } from "node:timers/promises";
import pg from "pg";
import { task } from "taskmaster";
import { z } from "zod";
const ledger = new pg.Pool({ connectionString: process.env.DATABASE_URL, max: 5 });
ledger.on("error", () => {});
const chain = (name) => task(name).payload(z.object({ n: z.number(), ${fields(1)} }))${revisions.join("")};
const run = async (payload, { job }) => {
  await ledger.query("insert into ledger values ($1, $2, $3, $4)", [job.id, job.delivery, ${number}, Object.keys(payload).join(",")]);
  await pause(Math.random() * 30);
};
export const mail = chain("mail").short({ timeLimit: "10s" }, run);
export const index = chain("index").interruptible(run);
export const sync = chain("sync").short({ timeLimit: "10s", afterCrash: "retry" }, run);
export const tasks = [mail, index, sync];
export const payload = { n: 1, ${Array.from({ length: number }, (_, index) => `f${index + 1}: "written"`).join(", ")} };
`;
}
