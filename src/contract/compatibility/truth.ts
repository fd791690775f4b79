/** What can be said of a claim: proven, refuted, or neither. "unknown" is never counted as a pass. */
export type Verdict = "yes" | "no" | "unknown";

export function both(one: Verdict, other: Verdict): Verdict {
  if (one === "no" || other === "no") return "no";
  return one === "yes" && other === "yes" ? "yes" : "unknown";
}

export function either(one: Verdict, other: Verdict): Verdict {
  if (one === "yes" || other === "yes") return "yes";
  return one === "no" && other === "no" ? "no" : "unknown";
}

export function opposite(verdict: Verdict): Verdict {
  return verdict === "yes" ? "no" : verdict === "no" ? "yes" : "unknown";
}

export function verdictOf(holds: boolean): Verdict {
  return holds ? "yes" : "no";
}
