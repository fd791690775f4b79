import type { StandardSchemaV1 } from "@standard-schema/spec";
import { InvalidContractError } from "./contract.ts";
import { recordedContract } from "./recorded.ts";
import type { PayloadSchema } from "./schema.ts";

/**
 * What a task says, beside its function, of what its steps and iterations record: so that the check can hold what production has recorded
 * against it before a deploy, without running the task.
 */
export interface DeclaredRecord {
  /** Of the result, or of the cursor; may have revisions. */
  readonly schema?: StandardSchemaV1;
  /** Names that the step had in older releases, the newest first. */
  readonly formerly?: string | readonly string[];
}

/** By the names of steps and iterations; `*` in a name stands for what differs: `"mail *"`. */
export type DeclaredRecords = Readonly<Record<string, StandardSchemaV1 | DeclaredRecord>>;

/** The declarations of one task. */
export class Declared {
  readonly #exact = new Map<string, FoundRecord>();
  readonly #patterns: { readonly pattern: RegExp; readonly found: FoundRecord }[] = [];

  /** @throws {InvalidContractError} @throws {NotASchemaError} */
  constructor(task: string, records: DeclaredRecords) {
    for (const [name, declared] of Object.entries(records)) {
      const record = isSchema(declared) ? { schema: declared } : declared;
      if (typeof record !== "object" || record === null)
        throw new InvalidContractError(
          `recorded["${name}"] of ${task} is no declaration: write a schema, or { schema, formerly }.`,
        );
      const { schema, formerly = [] } = record as { schema?: PayloadSchema; formerly?: string | readonly string[] };
      if (schema !== undefined) recordedContract(schema, `recorded["${name}"] of ${task}`); // throws where it is none
      const names = typeof formerly === "string" ? [formerly] : formerly;
      const found = { name, schema, formerly: names };
      for (const each of [name, ...names])
        if (each.includes("*")) this.#patterns.push({ pattern: toPattern(each), found });
        else this.#exact.set(each, found);
    }
  }

  /** What is declared of a name, or of one that it had before. */
  find(name: string): FoundRecord | undefined {
    return this.#exact.get(name) ?? this.#patterns.find(({ pattern }) => pattern.test(name))?.found;
  }
}

export interface FoundRecord {
  /** As it is declared. */
  readonly name: string;
  readonly schema: PayloadSchema | undefined;
  readonly formerly: readonly string[];
}

function isSchema(declared: StandardSchemaV1 | DeclaredRecord): declared is StandardSchemaV1 {
  return (
    (typeof declared === "object" || typeof declared === "function") && declared !== null && "~standard" in declared
  );
}

function toPattern(name: string): RegExp {
  const parts = name.split("*").map((part) => part.replace(/[.+?^${}()|[\]\\]/g, "\\$&"));
  return new RegExp(`^${parts.join("[\\s\\S]*")}$`);
}
