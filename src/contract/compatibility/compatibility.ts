import type { JsonSchema } from "../json-schema.ts";
import { compareDirection, type Direction } from "./direction.ts";
import { Node } from "./node.ts";
import { sameSchema } from "./same.ts";

/** Whether payloads of two schemas of one task can be read by each other's code. Pure, and never throws. */
export interface Comparison {
  /** Nothing changes for anybody: both directions hold, nothing is dropped. */
  readonly equivalent: boolean;
  /** New code reads old payloads. */
  readonly backward: Direction;
  /** Old code reads new payloads. */
  readonly forward: Direction;
  readonly differences: readonly { readonly path: string; readonly message: string }[];
}

export interface ComparisonOptions {
  /** Steps that a direction may take before it is given up as "unknown". Default 20,000: some tens of milliseconds. */
  readonly budget?: number;
}

export function compareSchemas(older: JsonSchema, newer: JsonSchema, options: ComparisonOptions = {}): Comparison {
  const held: Direction = { verdict: "yes", drops: false };
  try {
    if (sameSchema(older, newer)) return { equivalent: true, backward: held, forward: held, differences: [] };
    const { budget = 20_000 } = options;
    const [writer, reader] = [Node.root(older), Node.root(newer)];
    const backward = direction(compareDirection(writer, reader, budget));
    const forward = direction(compareDirection(reader, writer, budget));
    const equivalent = [backward, forward].every(({ verdict, drops }) => verdict === "yes" && !drops);
    return { equivalent, backward, forward, differences: [] };
  } catch {
    const unknown: Direction = { verdict: "unknown", drops: false };
    return { equivalent: false, backward: unknown, forward: unknown, differences: [] };
  }
}

function direction(found: Direction): Direction {
  const { verdict, drops } = found;
  return verdict === "no" ? { verdict, drops, witness: found.witness } : { verdict, drops };
}
