import type { RuleId } from "./rules.ts";

/** One thing that the check found: what breaks, for whom, when, and what to do about it. */
export interface Finding {
  readonly rule: RuleId;
  /** `breaking` fails the check, `warning` is to be looked at, `note` says what will happen. */
  readonly severity: "breaking" | "warning" | "note";
  readonly task: string;
  /** Of the payload, where the finding is of one. */
  readonly revision?: number;
  /** One sentence. */
  readonly title: string;
  readonly effects: readonly Effect[];
  /** What changed in the payload, where that is what it is about. */
  readonly changes?: readonly Change[];
  /** A payload that shows it. */
  readonly witness?: unknown;
  readonly oneDeploy?: OneDeploy;
  /** Deploys, each with what makes it safe to go on. */
  readonly phased?: readonly Phase[];
  /** The time limit that it is about. */
  readonly limitMs?: number;
  /** What production's queue says about it, where it was asked. */
  readonly live?: string;
  /** Why somebody took it on all the same. */
  readonly accepted?: string;
}

/** In which part of a rolling deploy something happens. */
export type DeployPhase = "at the start" | "during the deploy" | "after the deploy" | "after a rollback";

export interface Effect {
  readonly who: "new worker, old job" | "old worker, new job" | "every new process" | "everybody";
  readonly phases: readonly DeployPhase[];
  readonly what: string;
  readonly breaks: boolean;
}

export interface Change {
  /** Such as `items[].price`; empty for the payload itself. */
  readonly field: string;
  readonly rule: string;
  readonly message: string;
}

export interface OneDeploy {
  readonly does: string;
  /** To paste. */
  readonly code?: string;
}

export interface Phase {
  readonly does: string;
  readonly code?: string;
  /** What must hold before the next deploy. */
  readonly until: readonly Condition[];
}

/** Something that production can be asked. */
export type Condition =
  | { readonly kind: "no-jobs"; readonly task: string; readonly revisionsTo?: number }
  | { readonly kind: "no-writers"; readonly task: string; readonly revisionsTo?: number }
  | { readonly kind: "readers"; readonly task: string; readonly revision: number }
  | { readonly kind: "queue-worked"; readonly task: string; readonly queue: string }
  | { readonly kind: "queue-empty"; readonly task: string; readonly queue: string };

export function isBreaking({ severity, accepted }: Finding): boolean {
  return severity === "breaking" && accepted === undefined;
}
