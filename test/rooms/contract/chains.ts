import { z } from "zod";
import type { Contract } from "../../../src/contract/contract.ts";
import type { StoredPayload } from "../../../src/contract/payload.ts";
import { contractOf, type TaskContract, task } from "../../../src/contract/task.ts";

/** Chains of revisions whose payloads carry the way that they have come: `d3` for a downgrade from revision 3, `u3` for an upgrade to it. */

/** How a conversion behaves: right (at once or later), or in one of the ways in which user code goes wrong. */
export type Behaviour = "right" | "later" | "throws" | "wrong" | "not-json" | "mutates";

/** The conversions between a revision and the one before. */
export interface Link {
  readonly upgrade: Behaviour;
  readonly downgrade: Behaviour | undefined;
}

export interface Payload {
  readonly revision: number;
  readonly way: readonly string[];
}

function schemaOf(revision: number) {
  // `extra` declares anything, so that what is no JSON can hide from the schema.
  return z.object({ revision: z.literal(revision), way: z.array(z.string()), extra: z.unknown().optional() });
}

/** By the newer of their two revisions; what is missing has a right upgrade and no downgrade. All releases share them. */
export type Links = { readonly [revision: number]: Partial<Link> };

export function linkTo(links: Links, revision: number): Link {
  return { upgrade: "right", downgrade: undefined, ...links[revision] };
}

/** A release that knows the revisions from `first` to `current`. */
export function release(first: number, current: number, links: Links): Contract {
  let chain = task("t").payload(schemaOf(first) as z.ZodType<unknown>, { revision: first }) as TaskContract<
    unknown,
    unknown
  >;
  for (let revision = first + 1; revision <= current; revision++) {
    const { upgrade, downgrade } = linkTo(links, revision);
    chain = chain.revise(schemaOf(revision) as z.ZodType<unknown>, {
      upgrade: conversion(upgrade, revision, `u${revision}`),
      ...(downgrade && { downgrade: conversion(downgrade, revision - 1, `d${revision}`) }),
    });
  }
  return contractOf(chain);
}

function conversion(behaviour: Behaviour, to: number, step: string): (payload: unknown) => unknown {
  return (payload) => {
    const from = payload as Payload;
    const right = { revision: to, way: [...from.way, step] };
    switch (behaviour) {
      case "right":
        return right;
      case "later":
        return Promise.resolve(right);
      case "mutates":
        return Object.assign(from, right);
      case "throws":
        throw new Error(`${step} threw`);
      case "wrong":
        return { ...right, way: 7 };
      case "not-json":
        return { ...right, extra: new Date(0) };
    }
  };
}

/** A stored payload's rendition at a revision, as a worker takes it out. */
export function renditionOf(stored: StoredPayload, revision: number): unknown {
  if (revision === stored.max) return JSON.parse(stored.text);
  return (JSON.parse(stored.olderText ?? "{}") as Record<string, unknown>)[revision];
}
