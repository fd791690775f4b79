import { type ObjectRuleId, objectRules } from "./object-rules.ts";
import type { Rule } from "./rule.ts";
import { type ValueRuleId, valueRules } from "./value-rules.ts";

/** Stable between releases: findings, exceptions and documentation refer to it. */
export type RuleId = ObjectRuleId | ValueRuleId;

/** Every change that a comparison can name; `docs/rules.md` is written from it. */
export const rules: readonly Rule<RuleId>[] = [...objectRules, ...valueRules];

const byId = new Map(rules.map((rule) => [rule.id, rule]));

export function titleOf(id: RuleId): string {
  return byId.get(id)?.title ?? id;
}
