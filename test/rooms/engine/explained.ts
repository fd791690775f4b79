import pg from "pg";
import { textArray } from "../../../src/engine/arrays.ts";
import type { Statement } from "../../../src/engine/statement.ts";
import { Stepped } from "./stepped.ts";

/** One node of a plan, as `explain (format json)` writes it. */
export interface PlanNode {
  readonly "Node Type": string;
  readonly "Relation Name"?: string;
  readonly "Index Name"?: string;
  readonly "Index Cond"?: string;
  readonly "TID Cond"?: string;
  readonly "Actual Rows": number;
  readonly "Actual Loops": number;
  readonly "Rows Removed by Filter"?: number;
  readonly "Rows Removed by Join Filter"?: number;
  readonly "Shared Hit Blocks": number;
  readonly "Shared Read Blocks": number;
  readonly Plans?: readonly PlanNode[];
}

export interface Explained {
  readonly statement: string;
  readonly root: PlanNode;
  /** Pages of the database that were looked at. */
  readonly pages: number;
}

/**
 * A connection that explains every statement of a verb as the server would run it, with the plan that it keeps for all parameters, and
 * then runs it. Nothing of it is committed.
 */
export class Explaining extends Stepped {
  readonly plans: Explained[] = [];
  readonly #prepared = new Set<string>();

  override async query<Row>(statement: Statement, values: readonly unknown[] = []): Promise<Row[]> {
    const name = `explained_${statement.name}`;
    if (!this.#prepared.has(name)) {
      this.#prepared.add(name);
      await this.sql(`prepare ${name} as ${statement.text}`);
    }
    const call = values.length > 0 ? `${name}(${values.map(literal).join(", ")})` : name;
    await this.sql("savepoint explaining");
    const [row] = await this.sql<{ "QUERY PLAN": readonly { readonly Plan: PlanNode }[] | string }>(
      `explain (analyze, buffers, format json) execute ${call}`,
    );
    await this.sql("rollback to explaining");
    const told = row?.["QUERY PLAN"] ?? "[]";
    const [{ Plan: root }] = (typeof told === "string" ? JSON.parse(told) : told) as [{ Plan: PlanNode }];
    this.plans.push({
      statement: statement.name.replace("taskmaster_", ""),
      root,
      pages: root["Shared Hit Blocks"] + root["Shared Read Blocks"],
    });
    return super.query<Row>(statement, values);
  }
}

function literal(value: unknown): string {
  if (value === null || value === undefined) return "null";
  if (Array.isArray(value)) return literal(textArray(value.map((item) => (item === null ? null : String(item)))));
  if (typeof value === "string") return pg.escapeLiteral(value);
  return value instanceof Date ? `'${value.toISOString()}'` : String(value);
}

export function nodesOf(root: PlanNode): PlanNode[] {
  return [root, ...(root.Plans ?? []).flatMap(nodesOf)];
}
