import { type Budget, spend } from "./budget.ts";
import { evaluate } from "./evaluate.ts";
import { isObject, type JsonObject } from "./json.ts";
import { matches } from "./match.ts";
import { type ArrayPart, demandedKeys, type Node, type ObjectPart } from "./node.ts";
import { both, type Verdict } from "./truth.ts";

/**
 * Whether a valid payload is one that a producer may store: an object that declares properties holds none but the
 * declared ones. What a schema declares in place is taken together, from its references, intersections, conditions and
 * those members of its unions that fit.
 */
export function isClosedPayload(writer: Node, payload: unknown, budget: Budget): Verdict {
  return atPlace([writer], payload, budget, 0);
}

const maxDepth = 60;

/** The schemas that apply in place. */
interface Applying {
  readonly nodes: Set<Node>;
  /** Conditions that hold: they declare properties, and describe nothing below. */
  readonly asked: Set<Node>;
  /** Whether some schema may apply, or not. */
  vague: boolean;
}

function atPlace(nodes: readonly Node[], value: unknown, budget: Budget, depth: number): Verdict {
  if (typeof value !== "object" || value === null) return "yes";
  if (depth > maxDepth) return "unknown";
  const applying: Applying = { nodes: new Set(), asked: new Set(), vague: false };
  for (const node of nodes) apply(node, value, applying, applying.nodes, budget);
  return isObject(value)
    ? inObject(applying, value, budget, depth)
    : inArray(applying, value as unknown[], budget, depth);
}

function apply(node: Node, value: unknown, applying: Applying, into: Set<Node>, budget: Budget): void {
  if (into.has(node)) return;
  spend(budget);
  into.add(node);
  const { allOf = [], anyOf = [], oneOf = [], condition, object } = node.parts;
  const follow = (next: Node) => apply(next, value, applying, into, budget);
  for (const member of allOf) follow(member);
  for (const member of [...anyOf, ...oneOf]) {
    const fits = evaluate(member, value, budget);
    if (fits === "unknown") applying.vague = true;
    if (fits !== "no") follow(member);
  }
  if (condition !== undefined) {
    const holds = evaluate(condition.asked, value, budget);
    if (holds === "unknown") applying.vague = true;
    if (holds !== "no") apply(condition.asked, value, applying, applying.asked, budget);
    if (holds !== "no" && condition.holding !== undefined) follow(condition.holding);
    if (holds !== "yes" && condition.failing !== undefined) follow(condition.failing);
  }
  for (const [key, dependent] of object?.dependentSchemas ?? [])
    if (isObject(value) && Object.hasOwn(value, key)) follow(dependent);
}

function inObject({ nodes, asked, vague }: Applying, value: JsonObject, budget: Budget, depth: number): Verdict {
  const parts = [...nodes].flatMap(({ parts }) => parts.object ?? []);
  const askedParts = [...asked].flatMap(({ parts }) => parts.object ?? []);
  const declares = parts.some(
    ({ declares, additional, unevaluated }) => declares && additional === undefined && unevaluated === undefined,
  );
  let verdict: Verdict = "yes";
  for (const [key, item] of Object.entries(value)) {
    const below = parts.flatMap((part) => schemasAt(part, key));
    const demanded = [...parts, ...askedParts].some((part) => demandedKeys(part).includes(key));
    const seen = below.length > 0 || demanded || askedParts.some((part) => schemasAt(part, key).length > 0);
    const isWelcome = parts.some(({ unevaluated }) => unevaluated !== undefined);
    if (declares && !seen && !isWelcome) verdict = both(verdict, vague ? "unknown" : "no");
    if (verdict === "no") return "no";
    verdict = both(verdict, atPlace(below, item, budget, depth + 1));
  }
  return vague && verdict === "no" ? "unknown" : verdict;
}

function schemasAt({ properties, patterns, additional }: ObjectPart, key: string): readonly Node[] {
  const property = properties.get(key);
  const matching = patterns.filter(({ source }) => matches(source, key) !== "no").map(({ node }) => node);
  const named = property === undefined ? matching : [property, ...matching];
  return named.length > 0 || additional === undefined ? named : [additional];
}

function inArray({ nodes, vague }: Applying, value: readonly unknown[], budget: Budget, depth: number): Verdict {
  const parts = [...nodes].flatMap(({ parts }) => parts.array ?? []);
  let verdict: Verdict = "yes";
  for (const [index, item] of value.entries()) {
    const below = parts.flatMap((part) => schemaAt(part, index) ?? []);
    verdict = both(verdict, atPlace(below, item, budget, depth + 1));
    if (verdict === "no") return vague ? "unknown" : "no";
  }
  return verdict;
}

function schemaAt({ prefix, rest }: ArrayPart, index: number): Node | undefined {
  return prefix[index] ?? rest;
}
