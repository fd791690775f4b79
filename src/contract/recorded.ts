import type { StandardSchemaV1 } from "@standard-schema/spec";
import { type Contract, type Conversion, InvalidContractError, type Revision, revision } from "./contract.ts";
import { assertSchema, type InferInput, type InferOutput, type PayloadSchema } from "./schema.ts";

/**
 * Whatever a job records on its way (results of steps, cursors, events) outlives the release that recorded it, so its schema may have
 * revisions like a payload's. It is a Standard Schema itself: its newest revision's.
 */

/** Registered, so that two copies of this package understand each other. */
const revisionsKey: unique symbol = Symbol.for("taskmaster.revisions") as never;

/** A schema with a history. */
export interface Revised<Input, Output> extends StandardSchemaV1<Input, Output> {
  readonly [revisionsKey]: readonly [Revision, ...Revision[]];
  /**
   * The next revision. `upgrade` lets this release read what an older one recorded; `downgrade` lets an older release go on
   * with what this one records.
   */
  revise<Schema extends StandardSchemaV1>(
    schema: Schema,
    conversions: {
      readonly upgrade: (older: Input) => InferInput<Schema> | Promise<InferInput<Schema>>;
      readonly downgrade?: (newer: InferInput<Schema>) => Input | Promise<Input>;
    },
  ): Revised<InferInput<Schema>, InferOutput<Schema>>;
}

/**
 * Begins the revisions of a recorded value.
 *
 * @param options.revision the number of the first one, where older ones are recorded nowhere any more. Default 1.
 *
 * @example
 * const quote = revisions(z.object({ cents: z.number() }))
 *   .revise(z.object({ cents: z.number(), currency: z.string() }), {
 *     upgrade: (older) => ({ ...older, currency: "EUR" }),
 *   });
 * const { currency } = await ctx.step("quote", { schema: quote }, () => askForQuote());
 *
 * @throws {NotASchemaError}
 */
export function revisions<Schema extends StandardSchemaV1>(
  schema: Schema,
  { revision: first = 1 }: { readonly revision?: number } = {},
): Revised<InferInput<Schema>, InferOutput<Schema>> {
  if (!Number.isInteger(first) || first < 1 || first > 30_000)
    throw new InvalidContractError(
      `The first revision of a recorded value is ${first}: write a whole number from 1 on.`,
    );
  return revised([checked(first, schema)]);
}

function revised<Input, Output>(all: readonly [Revision, ...Revision[]]): Revised<Input, Output> {
  const current = all.at(-1) ?? all[0];
  return {
    "~standard": current.schema["~standard"] as StandardSchemaV1.Props<Input, Output>,
    [revisionsKey]: all,
    revise(schema, { upgrade, downgrade }) {
      const number = current.number + 1;
      if (typeof upgrade !== "function")
        throw new InvalidContractError(
          `Revision ${number} of a recorded value has no upgrade, so what is recorded at revision ${number - 1} could not be read: ` +
            ".revise(schema, { upgrade: (older) => ({ ...older, … }) }).",
        );
      return revised([
        ...all,
        checked(number, schema, upgrade as Conversion, downgrade as Conversion | undefined),
      ] as never);
    },
  };
}

const what = "a recorded value";

function checked(number: number, schema: unknown, upgrade?: Conversion, downgrade?: Conversion): Revision {
  assertSchema(schema, `Revision ${number} of ${what}`);
  return revision(what, { number, schema, upgrade, downgrade });
}

/** Schemas without a history, as revision 1 of one. */
const plain = new WeakMap<PayloadSchema, readonly [Revision, ...Revision[]]>();

/** The contract of what is recorded: what stores and reads payloads stores and reads it. @throws {NotASchemaError} */
export function recordedContract(schema: PayloadSchema, name: string): Contract {
  return { name, formerNames: [], queue: "", priority: "normal", retired: false, revisions: revisionsOf(schema) };
}

function revisionsOf(schema: PayloadSchema): readonly [Revision, ...Revision[]] {
  if (revisionsKey in schema) return schema[revisionsKey] as readonly [Revision, ...Revision[]];
  const known = plain.get(schema);
  if (known) return known;
  const made: readonly [Revision] = [checked(1, schema)];
  plain.set(schema, made);
  return made;
}
