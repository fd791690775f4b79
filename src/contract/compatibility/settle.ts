import type { RawDifference } from "./differences.ts";
import type { Findings } from "./direction.ts";
import type { Outcome } from "./outcome.ts";
import { type RuleId, titleOf } from "./rules.ts";

/** The list of differences, brought into accord with what was found for the schemas as a whole. */

export interface Difference extends Omit<RawDifference, "rule"> {
  readonly rule: RuleId;
  /** Such as `/items/0/price`, with a star for any item or key; empty for the payload itself. */
  readonly path: string;
  /** A payload that shows it, where one was found: of the older schema where new code refuses it, else of the newer. */
  readonly witness?: unknown;
  readonly message: string;
}

/** The differences, in accord with what was found for the schemas as a whole. */
export function settled(found: readonly RawDifference[], backward: Findings, forward: Findings): readonly Difference[] {
  const differences = found.map((difference) => ({
    ...difference,
    backward: inAccord(difference.backward, backward),
    forward: inAccord(difference.forward, forward),
  }));
  const missing = missingFrom(differences, backward, forward);
  return [...differences, ...missing].map((difference) => {
    const witness = witnessOf(difference, backward, forward);
    return { ...difference, ...(witness !== undefined && { witness: witness.value }), message: messageOf(difference) };
  });
}

/** A part cannot break what holds as a whole, and its own breach is no proof where the whole is undecided. */
function inAccord(outcome: Outcome, { verdict, drops }: Findings): Outcome {
  if (verdict === "yes" && outcome !== "change") return outcome === "drop" && drops ? "drop" : "ok";
  return verdict === "unknown" && outcome === "break" ? "unknown" : outcome;
}

/** What the directions say and no difference does. */
function missingFrom(found: readonly RawDifference[], backward: Findings, forward: Findings): readonly RawDifference[] {
  const old = outcomeMissing(
    found.map((difference) => difference.backward),
    backward,
  );
  const young = outcomeMissing(
    found.map((difference) => difference.forward),
    forward,
  );
  const kinds = {
    break: ["narrowed", "widened"],
    unknown: ["undecided", "undecided"],
    drop: ["removed", "added"],
  } as const;
  if (old !== undefined && old === young)
    return [{ ...missingIn(backward, old, "property-removed"), kind: "changed", backward: old, forward: young }];
  return [
    ...(old === undefined
      ? []
      : [
          {
            ...missingIn(backward, old, "property-removed"),
            kind: kinds[old][0],
            backward: old,
            forward: "ok",
          } as const,
        ]),
    ...(young === undefined
      ? []
      : [
          {
            ...missingIn(forward, young, "property-added"),
            kind: kinds[young][1],
            backward: "ok",
            forward: young,
          } as const,
        ]),
  ];
}

/** What no single difference accounts for. */
function outcomeMissing(
  found: readonly Outcome[],
  { verdict, drops }: Findings,
): "break" | "unknown" | "drop" | undefined {
  if (verdict === "no" && !found.includes("break")) return "break";
  if (verdict === "unknown" && !found.includes("unknown")) return "unknown";
  return drops && !found.includes("drop") ? "drop" : undefined;
}

function missingIn(
  { counters, droppedPaths }: Findings,
  outcome: Outcome,
  dropRule: RuleId,
): Pick<RawDifference, "rule" | "path"> {
  if (outcome === "drop") return { rule: dropRule, path: droppedPaths[0] ?? "" };
  return outcome === "break"
    ? { rule: "payload-refused", path: counters[0]?.path ?? "" }
    : { rule: "undecided", path: "" };
}

function witnessOf(
  difference: RawDifference,
  backward: Findings,
  forward: Findings,
): { readonly value: unknown } | undefined {
  for (const [outcome, findings] of [
    [difference.backward, backward],
    [difference.forward, forward],
  ] as const) {
    if (outcome !== "break") continue;
    const { counters } = findings;
    const { path } = difference;
    const parent = path.slice(0, Math.max(0, path.lastIndexOf("/")));
    const found =
      counters.find((counter) => counter.path === path) ??
      counters.find((counter) => counter.path.startsWith(`${path}/`)) ??
      (difference.rule.includes("property") || difference.rule.startsWith("default")
        ? counters.find((counter) => counter.path === parent)
        : undefined);
    if (found !== undefined) return found;
  }
  return;
}

const consequences: { readonly [outcome in Outcome]: readonly [backward: string, forward: string] } = {
  ok: ["", ""],
  drop: ["new code ignores it in old payloads", "old code ignores it in new payloads"],
  break: ["new code refuses some old payloads", "old code refuses some new payloads"],
  change: ["old payloads mean something else to new code", "new payloads mean something else to old code"],
  unknown: ["whether new code takes all old payloads is unknown", "whether old code takes all new payloads is unknown"],
};

export function messageOf({ rule, backward, forward }: RawDifference): string {
  const follows = [consequences[backward][0], consequences[forward][1]].filter((text) => text !== "");
  return `${titleOf(rule)}; ${follows.length > 0 ? follows.join(", ") : "all payloads are still taken"}.`;
}
