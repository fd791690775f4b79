import { assertName, InvalidContractError } from "./contract.ts";
import type { Execution } from "./execution.ts";
import {
  type AnyRunnableTask,
  type AnyTask,
  contractOf,
  executionOf,
  type InputOf,
  isRunnableTask,
  type Task,
  taskValue,
} from "./task.ts";

/**
 * Chains: a long task as several, each a job of its own with a contract of its own. A link is a task named after the chain and its
 * place (`user.onboard:2`), so that it is claimed, checked and shown like any other; what it answers is enqueued as the payload of the next
 * link with its completion.
 */

/** Registered, so that two copies of this package understand each other. */
const linksKey: unique symbol = Symbol.for("taskmaster.links") as never;

/** Several tasks as one: enqueued with the payload of the first. */
export interface Chain<Input> extends Task<Input, unknown, false> {
  readonly [linksKey]: readonly AnyRunnableTask[];
}

/** What a task's function answers. */
export type ResultOf<T> = T extends { readonly "~result"?: infer Result } ? Result : never;

/** The next link; a sentence of the compiler where it does not take what the one before answers. */
type Takes<Before, Next> = [ResultOf<Before>] extends [InputOf<Next>]
  ? Next
  : Next & { readonly "this link does not take what the one before answers": ResultOf<Before> };

/**
 * Makes tasks a chain: what each answers is the payload of the next. A worker of the chain runs all its links; the tasks themselves
 * can be run and enqueued as before.
 *
 * @param name of the chain, where it shall not be the names of its tasks joined by `/`: its jobs go by it
 * @throws {InvalidContractError} where there are fewer than two tasks, one of them has no function, or the name could not be a name
 *
 * @example
 * export const onboard = chain("user.onboard", fetchProfile, scoreProfile, sendWelcome);
 * await taskmaster.enqueue(onboard, { id: 42 });
 */
export function chain<A extends AnyRunnableTask, B extends AnyRunnableTask>(
  name: string,
  a: A,
  b: B & Takes<A, B>,
): Chain<InputOf<A>>;
export function chain<A extends AnyRunnableTask, B extends AnyRunnableTask, C extends AnyRunnableTask>(
  name: string,
  a: A,
  b: B & Takes<A, B>,
  c: C & Takes<B, C>,
): Chain<InputOf<A>>;
export function chain<
  A extends AnyRunnableTask,
  B extends AnyRunnableTask,
  C extends AnyRunnableTask,
  D extends AnyRunnableTask,
>(name: string, a: A, b: B & Takes<A, B>, c: C & Takes<B, C>, d: D & Takes<C, D>): Chain<InputOf<A>>;
export function chain<A extends AnyRunnableTask, B extends AnyRunnableTask>(
  a: A,
  b: B & Takes<A, B>,
): Chain<InputOf<A>>;
export function chain<A extends AnyRunnableTask, B extends AnyRunnableTask, C extends AnyRunnableTask>(
  a: A,
  b: B & Takes<A, B>,
  c: C & Takes<B, C>,
): Chain<InputOf<A>>;
export function chain<
  A extends AnyRunnableTask,
  B extends AnyRunnableTask,
  C extends AnyRunnableTask,
  D extends AnyRunnableTask,
>(a: A, b: B & Takes<A, B>, c: C & Takes<B, C>, d: D & Takes<C, D>): Chain<InputOf<A>>;
export function chain(...parts: readonly (string | AnyRunnableTask)[]): Chain<never> {
  const [first] = parts;
  const tasks = parts.filter((part) => typeof part !== "string");
  const name = typeof first === "string" ? first : tasks.map((task) => task?.name).join("/");
  if (tasks.length < 2 || !tasks.every(isRunnableTask))
    throw new InvalidContractError(
      `The chain ${name} needs two tasks at least, each with its function: end their chains with .short(…) or .interruptible(…).`,
    );
  assertName(`${name}:${tasks.length}`, "task");
  const links: AnyRunnableTask[] = [];
  for (const [index, task] of [...tasks.entries()].reverse()) {
    const [next] = links;
    links.unshift(linkOf(task, `${name}:${index + 1}`, next));
  }
  return Object.assign(links[0] as Chain<never>, { [linksKey]: links });
}

function linkOf(task: AnyRunnableTask, name: string, next: AnyTask | undefined): AnyRunnableTask {
  const execution: Execution = { ...executionOf(task), ...(next && { next }) };
  return taskValue({ ...contractOf(task), name, formerNames: [] }, execution);
}

/** Tasks, with all links of the chains among them. */
export function withLinks<T extends AnyTask>(tasks: readonly T[]): (T | AnyRunnableTask)[] {
  return [
    ...new Set(tasks.flatMap((task): readonly (T | AnyRunnableTask)[] => (isChain(task) ? task[linksKey] : [task]))),
  ];
}

function isChain(task: AnyTask): task is Chain<never> {
  return typeof task === "object" && task !== null && linksKey in task;
}
