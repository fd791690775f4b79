/**
 * A sentence for the compiler where a type has no JSON form, and `never` where it has one.
 * Followed five levels deep: recursive types must end somewhere, and the run-time check follows all the way.
 */
export type JsonProblem<T, Depth extends readonly 0[] = []> = Depth["length"] extends 5
  ? never
  : unknown extends T
    ? never
    : T extends string | number | boolean | null | undefined
      ? never
      : T extends bigint
        ? "A bigint is not JSON: describe it as a string, or use a codec such as z.codec(z.string(), z.bigint(), …)."
        : T extends Date
          ? "A Date is not JSON: describe it as z.iso.datetime(), or use a codec such as z.codec(z.iso.datetime(), z.date(), …)."
          : T extends ReadonlyMap<unknown, unknown> | ReadonlySet<unknown>
            ? "A Map or Set is not JSON: describe it as a record or an array."
            : T extends (...args: never[]) => unknown
              ? "A function is not JSON: a payload is data."
              : T extends symbol
                ? "A symbol is not JSON."
                : T extends readonly (infer Item)[]
                  ? JsonProblem<Item, [...Depth, 0]>
                  : T extends object
                    ? { [Key in keyof T]-?: JsonProblem<T[Key], [...Depth, 0]> }[keyof T]
                    : never;
