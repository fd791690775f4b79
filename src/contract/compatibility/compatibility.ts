import type { JsonSchema } from "../json-schema.ts";
import { findDifferences, type RawDifference } from "./differences.ts";
import { compareDirection, type Direction } from "./direction.ts";
import { isObject } from "./json.ts";
import { Node } from "./node.ts";
import { sameSchema } from "./same.ts";
import { type Difference, messageOf, settled } from "./settle.ts";

export type { Direction } from "./direction.ts";
export type { Outcome } from "./outcome.ts";
export type { Rule } from "./rule.ts";
export { rules } from "./rules.ts";
export type { Difference } from "./settle.ts";

/**
 * Two payload schemas of one task, compared as sets of payloads: whether each side's code reads what the other writes.
 *
 * 1. "yes" is proven, "no" comes with a witness, and whatever is neither is "unknown": callers treat it as breaking.
 * 2. Whoever writes a payload sends declared properties alone (an object that declares properties is closed);
 *    whoever reads it takes others as its schema says.
 * 3. What is compared is the wire form. A default is an annotation: a property with one may be missing where it is not
 *    required; where it is required all the same, nobody knows.
 * 4. It never throws and never hangs, whatever it is given.
 */
export interface Comparison {
  /** Nothing changes for anybody: both directions hold, nothing is dropped, no default differs. */
  readonly equivalent: boolean;
  /** New code reads old payloads. */
  readonly backward: Direction;
  /** Old code reads new payloads. */
  readonly forward: Direction;
  readonly differences: readonly Difference[];
}

export interface ComparisonOptions {
  /**
   * Steps that each proof, and each search for a witness, may take before it is given up as "unknown"; the last search takes five times
   * as many, and the last proof, of what has no witness, ten times. Default 20,000: a comparison of payloads takes milliseconds, one of the largest published schemas some seconds.
   */
  readonly budget?: number;
}

/**
 * Compares two JSON Schemas of one payload, in both directions. Any dialect from draft 3 to 2020-12, by `$schema`; 2020-12 without one.
 *
 * @returns whether each side reads what the other writes: "yes" (proven), "no" (with a witness) or "unknown". It never throws.
 *
 * @example
 * const older = { type: "object", properties: { id: { type: "number" } }, required: ["id"] };
 * const newer = { type: "object", properties: { id: { type: "integer" } }, required: ["id"] };
 * const { backward, forward } = compareSchemas(older, newer);
 * backward; // { verdict: "no", drops: false, witness: { id: 0.5 } }: new code refuses an old payload
 * forward; // { verdict: "yes", drops: false }: old code reads new payloads
 */
export function compareSchemas(older: JsonSchema, newer: JsonSchema, options: ComparisonOptions = {}): Comparison {
  try {
    if (!isSchema(older) || !isSchema(newer)) return undecided();
    if (sameSchema(older, newer)) {
      const held: Direction = { verdict: "yes", drops: false };
      return { equivalent: true, backward: held, forward: held, differences: [] };
    }
    return compare(Node.root(older), Node.root(newer), options.budget ?? 20_000);
  } catch {
    // A schema that is no data, such as one with a getter that throws.
    return undecided();
  }
}

/** Schemas come from databases too. */
function isSchema(schema: unknown): boolean {
  return typeof schema === "boolean" || isObject(schema);
}

function compare(older: Node, newer: Node, budget: number): Comparison {
  const backward = compareDirection(older, newer, budget, "everything");
  const forward = compareDirection(newer, older, budget, "everything");
  const differences = settled(findDifferences(older, newer, { left: budget }), backward, forward);
  const holds = [backward, forward].every(({ verdict, drops }) => verdict === "yes" && !drops);
  const changes = differences.some((difference) => difference.backward === "change" || difference.forward === "change");
  return { equivalent: holds && !changes, backward: plain(backward), forward: plain(forward), differences };
}

function plain({ verdict, drops, witness }: Direction): Direction {
  return verdict === "no" ? { verdict, drops, witness } : { verdict, drops };
}

function undecided(): Comparison {
  const unknown: Direction = { verdict: "unknown", drops: false };
  const difference: RawDifference = {
    rule: "undecided",
    path: "",
    kind: "undecided",
    backward: "unknown",
    forward: "unknown",
  };
  return {
    equivalent: false,
    backward: unknown,
    forward: unknown,
    differences: [{ ...difference, message: messageOf(difference) }],
  };
}
