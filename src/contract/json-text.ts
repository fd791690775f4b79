import { TaskmasterError } from "./error.ts";

/**
 * Turning a payload into JSON text, strictly: `JSON.stringify` drops functions, turns NaN into null and a Date into a
 * string without a word, and what a job would then find is not what its producer wrote.
 */

/** Thrown where a value is not JSON; `path` leads to the offending part. */
export class NotJsonError extends TaskmasterError {
  readonly code = "TASKMASTER_NOT_JSON";
  readonly path: string;

  constructor(what: string, path: string, problem: string) {
    super(`${what} is not JSON at ${path === "" ? "its root" : path}: ${problem}`);
    this.path = path;
  }
}

/** Deeper nesting is refused: validators and databases recurse, and their stacks are finite. */
const maxDepth = 200;

/**
 * The JSON text of a value, the same value that `JSON.parse` gives back.
 * Object properties that are `undefined` are left out, as optional properties are written in TypeScript.
 *
 * @param what names the value in the error, such as `the payload of user.confirm`
 * @throws {NotJsonError}
 */
export function toJsonText(value: unknown, what: string): string {
  assertJson(value, what);
  return JSON.stringify(value);
}

/** @throws {NotJsonError} */
export function assertJson(value: unknown, what: string): void {
  check(value, what, undefined, 0);
}

/** The way to a value, from its end: written as text only where there is something to say about it. */
interface Way {
  readonly up: Way | undefined;
  readonly key: string | number;
}

function pathOf(way: Way | undefined): string {
  if (way === undefined) return "";
  const { up, key } = way;
  if (typeof key === "number") return `${pathOf(up)}[${key}]`;
  return `${pathOf(up)}${/^[A-Za-z_$][\w$]*$/.test(key) ? `.${key}` : `[${JSON.stringify(key)}]`}`;
}

function check(value: unknown, what: string, way: Way | undefined, depth: number): void {
  switch (typeof value) {
    case "string":
    case "boolean":
      return;
    case "number":
      if (Number.isFinite(value)) return;
      throw new NotJsonError(what, pathOf(way), `${value} has no JSON form. Use null, or leave the property out.`);
    case "bigint":
      throw new NotJsonError(what, pathOf(way), "a BigInt has no JSON form. Write it as a string (value.toString()).");
    case "object":
      if (value === null) return;
      if (depth >= maxDepth)
        throw new NotJsonError(what, pathOf(way), `it is nested deeper than ${maxDepth} levels, or refers to itself.`);
      if (Array.isArray(value)) checkArray(value, what, way, depth);
      else checkObject(value, what, way, depth);
      return;
    default:
      throw new NotJsonError(what, pathOf(way), `${article(typeof value)} has no JSON form. Leave it out.`);
  }
}

function checkArray(value: readonly unknown[], what: string, way: Way | undefined, depth: number): void {
  // The prototype of a plain array, of whatever realm, is an array itself; that of a class over Array is not.
  const prototype: unknown = Object.getPrototypeOf(value);
  if ((prototype !== Array.prototype && !Array.isArray(prototype)) || changesItself(value))
    throw new NotJsonError(
      what,
      pathOf(way),
      "an array of a class of its own, or with a toJSON, would come back as something else. Write [...items].",
    );
  for (let index = 0; index < value.length; index++) {
    const item: unknown = value[index];
    if (typeof item !== "string") check(item, what, { up: way, key: index }, depth + 1);
  }
}

function checkObject(value: object, what: string, way: Way | undefined, depth: number): void {
  const prototype: unknown = Object.getPrototypeOf(value);
  if (changesItself(value) || (prototype !== Object.prototype && prototype !== null && isForeignClass(prototype))) {
    const name = value.constructor?.name ?? "class instance";
    const advice =
      value instanceof Date
        ? "Write value.toISOString(), or use a codec in the schema."
        : "Write a plain object or a string instead.";
    throw new NotJsonError(
      what,
      pathOf(way),
      `${article(name)} is not plain JSON and would come back as something else. ${advice}`,
    );
  }
  for (const key of Object.keys(value)) {
    if (key === "__proto__")
      throw new NotJsonError(
        what,
        pathOf({ up: way, key }),
        "a key named __proto__ is refused, because many libraries take it for the prototype.",
      );
    const item = (value as Record<string, unknown>)[key];
    if (item !== undefined && typeof item !== "string") check(item, what, { up: way, key }, depth + 1);
  }
}

/** Plain objects of another realm (a vm context, a test runner) are plain too. */
function isForeignClass(prototype: unknown): boolean {
  return Object.getPrototypeOf(prototype) !== null || !Object.hasOwn(prototype as object, "isPrototypeOf");
}

/** Whether `JSON.stringify` would ask the value for another one to write in its place. */
function changesItself(value: object): boolean {
  return typeof (value as { readonly toJSON?: unknown }).toJSON === "function";
}

function article(noun: string): string {
  return `${/^[aeiou]/i.test(noun) ? "an" : "a"} ${noun}`;
}
