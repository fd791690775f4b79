import type { JsonSchema } from "../json-schema.ts";
import type { Kind, Outcome } from "./outcome.ts";

/** A kind of change, with a name that does not change between releases. */
export interface Rule<Id extends string = string> {
  readonly id: Id;
  /** What happened, such as "a required property was added". */
  readonly title: string;
  /** Why it matters to the payloads in the queue. */
  readonly why: string;
  readonly example: { readonly older: JsonSchema; readonly newer: JsonSchema };
  /** What it means, in the example, for new code that reads old payloads, and for old code that reads new ones. */
  readonly backward: Outcome;
  readonly forward: Outcome;
  /** How to make the change all the same. */
  readonly safeWay: string;
}

/** Rules of one subject: made narrower, made wider, and replaced by something else. */
export interface Family<Id extends string = string> {
  readonly narrowed: Id;
  readonly widened: Id;
  readonly replaced: Id;
}

export function ruleOf<Id extends string>({ narrowed, widened, replaced }: Family<Id>, kind: Kind): Id {
  return kind === "narrowed" ? narrowed : kind === "widened" ? widened : replaced;
}

export const upgradeFirst =
  "Add a revision whose upgrade makes old payloads fit: .revise(schema, { upgrade }). Jobs that wait are upgraded when they are read.";
export const acceptFirst =
  "Release twice: first code that takes both forms, then, when no older worker is left, code that writes the new one. Or add a revision: its jobs wait for workers that know it, and with a downgrade the older ones run them too.";
export const bothWays =
  "Add a revision with an upgrade for the jobs that wait and, where older workers must go on, a downgrade for them: .revise(schema, { upgrade, downgrade }).";
export const lookAtIt =
  "Try it on what is really queued, or add a revision with an upgrade, which needs no proof: .revise(schema, { upgrade, downgrade }).";

interface FamilySource<Id extends string> {
  readonly ids: readonly [narrowed: Id, widened: Id, replaced: Id];
  readonly titles: readonly [narrowed: string, widened: string, replaced: string];
  readonly why: string;
  readonly wide: JsonSchema;
  readonly narrow: JsonSchema;
  /** As wide as `narrow`, and something else. */
  readonly other: JsonSchema;
}

/** The three rules of a family differ in their direction alone. */
export function familyOf<const Id extends string>({
  ids,
  titles,
  why,
  wide,
  narrow,
  other,
}: FamilySource<Id>): readonly Rule<Id>[] {
  return [
    {
      id: ids[0],
      title: titles[0],
      why: `${why} Payloads already in the queue may be of those that are refused now.`,
      example: { older: wide, newer: narrow },
      backward: "break",
      forward: "ok",
      safeWay: upgradeFirst,
    },
    {
      id: ids[1],
      title: titles[1],
      why: `${why} While a deploy rolls through, and after a rollback, older workers meet payloads that they refuse.`,
      example: { older: narrow, newer: wide },
      backward: "ok",
      forward: "break",
      safeWay: acceptFirst,
    },
    {
      id: ids[2],
      title: titles[2],
      why: `${why} Neither side takes all that the other writes.`,
      example: { older: narrow, newer: other },
      backward: "break",
      forward: "break",
      safeWay: bothWays,
    },
  ];
}
