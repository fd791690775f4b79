import { expect, test } from "vitest";
import { beginning, type Flaw, keyOf, type Model, promises, stepsOf } from "./gate-model.ts";

/** Promise 6, by visiting every interleaving of the gate's protocol. Whether the code does what the model says is for gate.test.ts. */

interface Found {
  readonly states: number;
  /** The shortest way to a broken promise. */
  readonly trace?: readonly string[];
  readonly broken?: string;
}

function explore(workers: number, flaw?: Flaw): Found {
  const first = beginning(workers);
  const seen = new Map<string, { readonly from: string | undefined; readonly by: string }>([
    [keyOf(first), { from: undefined, by: "" }],
  ]);
  let level: Model[] = [first];
  while (level.length > 0) {
    const next: Model[] = [];
    for (const model of level) {
      const from = keyOf(model);
      for (const step of stepsOf(model, flaw)) {
        if (step.broken !== undefined)
          return { states: seen.size, broken: step.broken, trace: [...wayTo(from, seen), step.name] };
        const key = keyOf(step.next);
        if (seen.has(key)) continue;
        seen.set(key, { from, by: step.name });
        next.push(step.next);
      }
    }
    level = next;
  }
  return { states: seen.size };
}

function wayTo(key: string, seen: ReadonlyMap<string, { readonly from: string | undefined; readonly by: string }>) {
  const way: string[] = [];
  for (let at = seen.get(key); at?.from !== undefined; at = seen.get(at.from)) way.unshift(at.by);
  return way;
}

test("in every interleaving, no gated worker starts a job between the verdict and the gate's end", () => {
  const found = explore(2);
  expect(found.trace).toBeUndefined();
  expect(found.states).toBeGreaterThan(10_000);
});

test.each<[Flaw, string]>([
  ["starts without looking at its clocks", promises.start],
  ["counts a silent process as gone", promises.start],
  ["claims without looking at the gate", promises.start],
  ["takes the gate for open when its lease has run out", promises.unstarted],
  ["acknowledges while a claim is in flight", promises.unstarted],
  ["acknowledges with jobs in its buffer", promises.unstarted],
])("the search finds out a protocol that %s: %s", (flaw, promise) => {
  expect(explore(1, flaw).broken).toBe(promise);
});

test("from every state, whoever has died, there is a way on to an open gate and a worker that starts jobs", () => {
  const first = beginning(1);
  const states = new Map<string, Model>([[keyOf(first), first]]);
  const before = new Map<string, Set<string>>();
  for (const [key, model] of states)
    for (const { next } of stepsOf(model)) {
      const to = keyOf(next);
      before.set(to, (before.get(to) ?? new Set()).add(key));
      if (!states.has(to)) states.set(to, next);
    }
  const isGood = ({ gate, workers }: Model) =>
    (gate === "ended" || gate === "none") && workers.every((worker) => worker.running && worker.gate === "open");
  const good = [...states].filter(([, model]) => isGood(model)).map(([key]) => key);
  const reaching = new Set(good);
  for (const key of good)
    for (const from of before.get(key) ?? []) if (!reaching.has(from)) reaching.add(from) && good.push(from);
  expect(good.length).toBeGreaterThan(0);
  expect([...states.keys()].filter((key) => !reaching.has(key))).toEqual([]);
});
