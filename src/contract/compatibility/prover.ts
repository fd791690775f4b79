import { coversArray, coversUnevaluatedItems } from "./arrays.ts";
import { type Branch, type Conjunction, conjunction, demands, item, type Role } from "./branch.ts";
import { type Budget, spend } from "./budget.ts";
import { type Constraint, constraintsOf } from "./constraints.ts";
import { isEmptyBranch } from "./emptiness.ts";
import { evaluate } from "./evaluate.ts";
import { expand } from "./expand.ts";
import { coversAny, coversCondition, coversNot, coversOne } from "./logic.ts";
import { Node, type Opaque, type Parts } from "./node.ts";
import { coversObject, coversUnevaluatedProperties, stepTo } from "./objects.ts";
import { isClosed, valueAt, writtenKeys } from "./places.ts";
import {
  bothProven,
  type Counter,
  nothingSeen,
  type Proof,
  type Prover,
  proven,
  provenIf,
  type Seen,
  unproven,
} from "./proof.ts";
import { Sameness } from "./sameness.ts";
import { sampleWith } from "./sample.ts";
import {
  coversExcluded,
  coversFormat,
  coversNumber,
  coversOpaque,
  coversString,
  coversTypes,
  coversValues,
  shutsOut,
} from "./scalars.ts";
import { hasWitness, maxCounters, otherCounters, spread, tells } from "./telling.ts";

/** Deeper than this nothing is proven. */
const maxDepth = 40;
const maxHops = 150;

/**
 * The proof that a reader takes whatever a writer may have stored.
 *
 * 1. "Holds" is only said of what is certain; every doubt is a failure, and a failure says nothing.
 * 2. A pair of schemas that comes up again while it is being proven comes up further down in the payload, and may be
 *    assumed: payloads are finite. (In place nothing recurs: `covers` never calls `subset` on the same value.)
 * 3. What was proven under an assumption is forgotten when the assumption fails.
 * 4. An emptiness that comes up again while it is asked is not assumed: that would empty every recursive schema.
 */
export class SubsetProver implements Prover {
  readonly budget: Budget;
  #explains: "nothing" | "something" | "everything" = "nothing";
  readonly #proofs = new Map<string, Proof>();
  readonly #failures = new Map<string, Proof>();
  readonly #assumed = new Map<string, { used: boolean }>();
  readonly #empty = new Map<string, boolean>();
  readonly #emptyBranches = new WeakMap<Branch, boolean>();
  readonly #asked = new Set<string>();
  readonly #same = new Sameness();
  #depth = 0;
  #hops = 0;

  readonly #maxDepth: number;

  /** @param depth nothing further down in the payload is looked at: that is soon done, and shows what is wrong near the top */
  constructor(budget: Budget, depth = maxDepth) {
    this.budget = budget;
    this.#maxDepth = depth;
  }

  /** From now on failures come with counterexamples: with the first that tells, or with as many as there are reasons. */
  explain(what: "something" | "everything"): void {
    this.#explains = what;
  }

  get explains(): boolean {
    return this.#explains !== "nothing";
  }

  quickly<Result>(ask: () => Result): Result {
    const before = this.#explains;
    this.#explains = "nothing";
    const result = ask();
    this.#explains = before;
    return result;
  }

  subset(at: Conjunction, reader: Node): Proof {
    spend(this.budget);
    const key = `${at.key}>${reader.id}`;
    const known = this.#proofs.get(key) ?? this.#failures.get(`${key}${this.#explains}`);
    if (known !== undefined) return known;
    const assumption = this.#assumed.get(key);
    if (assumption !== undefined) {
      assumption.used = true;
      return proven;
    }
    if (this.#depth >= this.#maxDepth) return unproven;
    const [first, ...others] = at.items.filter(({ role }) => demands(role));
    if (first?.role === "writer" && others.length === 0 && !first.local && this.#same.holds(first.node, reader))
      return proven;
    const mine = { used: false };
    this.#assumed.set(key, mine);
    this.#depth++;
    const proof = this.#prove(at, reader);
    this.#depth--;
    this.#assumed.delete(key);
    if (proof.holds) this.#proofs.set(key, proof);
    else {
      if (mine.used) {
        this.#proofs.clear();
        this.#empty.clear();
      }
      this.#failures.set(`${key}${this.#explains}`, proof);
    }
    return proof;
  }

  #prove(at: Conjunction, reader: Node): Proof {
    let proof = proven;
    for (const branch of this.branchesOf(at)) {
      const own = this.covers(branch, reader);
      if (own.holds) {
        const drops = [...own.drops, ...this.#dropsOf(branch, own.seen)];
        proof = bothProven(proof, { holds: true, seen: nothingSeen, drops, counters: [] });
      } else if (!this.isEmptyBranch(branch)) {
        proof = bothProven(proof, own);
        if (!this.explains) return unproven;
        if (this.isEnough(at, reader, own.counters)) break;
      }
    }
    return proof.holds ? proof : { ...unproven, counters: this.#telling(at, reader, proof.counters) };
  }

  /** The counterexamples that tell; where there are none, whatever else can be found. */
  #telling(at: Conjunction, reader: Node, counters: readonly Counter[]): readonly Counter[] {
    if (!this.explains) return [];
    if (this.#explains === "something") {
      const first = counters.find((counter) => this.isEnough(at, reader, [counter]));
      if (first !== undefined) return [first];
    }
    const found = counters.filter(({ value }) => tells(at, reader, value, this.budget));
    if (found.length > 0) return this.#explains === "something" ? found.slice(0, 1) : spread(found);
    return otherCounters(at, this.branchesOf(at), reader, this.budget);
  }

  isEnough(at: Pick<Conjunction, "items">, reader: Node, counters: readonly Counter[]): boolean {
    return this.#explains === "something" && hasWitness(at, reader, counters, this.budget);
  }

  covers(branch: Branch, reader: Node): Proof {
    spend(this.budget);
    if (branch.values !== undefined) {
      const verdicts = branch.values.map((value) => evaluate(reader, value, this.budget));
      if (verdicts.every((verdict) => verdict === "yes")) return { ...proven, seen: { ...nothingSeen, vague: true } };
      const refused = branch.values.filter((_, index) => verdicts[index] === "no");
      if (refused.length > 0)
        return { ...unproven, counters: refused.slice(0, maxCounters).map((value) => ({ value, path: "" })) };
    }
    if (branch.items.some(({ node, role }) => isHeld(role) && this.#same.holds(node, reader)))
      return { ...proven, seen: { ...nothingSeen, vague: true } };
    if (this.#hops >= maxHops) return unproven;
    this.#hops++;
    const proof = this.explains ? this.#bitwise(branch, reader) : this.#whole(branch, reader);
    this.#hops--;
    return proof;
  }

  #whole(branch: Branch, reader: Node): Proof {
    const { object, array } = reader.parts;
    const sees = object?.unevaluated ?? array?.unevaluated;
    return sees === undefined ? this.#demand(branch, reader) : this.#seeing(branch, reader);
  }

  /** Demand by demand, each with its counterexamples. */
  #bitwise(branch: Branch, reader: Node): Proof {
    const quick = this.quickly(() => this.#whole(branch, reader));
    if (quick.holds) return quick;
    let proof: Proof = proven;
    for (const constraint of constraintsOf(reader)) {
      const own = this.#constraint(branch, constraint);
      proof = bothProven(proof, own);
      if (this.isEnough(branch, reader, own.counters)) return own;
    }
    return proof;
  }

  #constraint(branch: Branch, constraint: Constraint): Proof {
    const proof = this.#whole(branch, constraint.node);
    return proof.holds || proof.counters.length > 0 ? proof : this.refuse(branch, constraint);
  }

  refuse(branch: Branch, { opposite }: Constraint): Proof {
    if (!this.explains) return unproven;
    const samples = sampleWith(branch, opposite, this.budget).slice(0, 6);
    return { ...unproven, counters: samples.map((value) => ({ value, path: "" })) };
  }

  #demand(branch: Branch, { parts }: Node): Proof {
    const { type } = branch;
    if (parts.never === true) return unproven;
    let holds = true;
    if (parts.types !== undefined) holds &&= coversTypes(branch, parts.types, parts.nullable === true);
    if (parts.values !== undefined) holds &&= coversValues(branch, parts.values, this.budget);
    if (parts.excluded !== undefined) holds &&= coversExcluded(branch, parts.excluded, this.budget);
    if (parts.number !== undefined) holds &&= coversNumber(branch, parts.number);
    if (parts.string !== undefined) holds &&= coversString(branch, parts.string);
    if (parts.format !== undefined) holds &&= coversFormat(branch, parts.format);
    holds &&= (parts.opaque ?? []).every((opaque) => this.#coversOpaque(branch, opaque));
    if (!holds && !this.explains) return unproven;
    let proof = bothProven(provenIf(holds), this.#logic(branch, parts));
    if (!proof.holds && !this.explains) return unproven;
    if (type === "array" && parts.array !== undefined)
      proof = bothProven(proof, coversArray(this, branch, parts.array));
    if (type === "object" && parts.object !== undefined)
      proof = bothProven(proof, coversObject(this, branch, parts.object));
    return proof;
  }

  #coversOpaque(branch: Branch, opaque: Opaque): boolean {
    const { perhaps } = opaque;
    if (perhaps === undefined) return coversOpaque(branch, opaque);
    // A validator obeys it on both sides, or on neither.
    const isSame = branch.opaque.some(
      (known) => known.perhaps !== undefined && this.#same.holds(known.perhaps, perhaps),
    );
    return isSame || this.quickly(() => this.covers(branch, perhaps)).holds;
  }

  #logic(branch: Branch, { allOf, anyOf, oneOf, not, condition }: Parts): Proof {
    let proof = proven;
    for (const member of allOf ?? []) {
      proof = bothProven(proof, this.covers(branch, member));
      if (!proof.holds && !this.explains) return unproven;
    }
    if (anyOf !== undefined) proof = bothProven(proof, coversAny(this, branch, anyOf));
    if (oneOf !== undefined) proof = bothProven(proof, coversOne(this, branch, oneOf));
    if (not !== undefined) proof = bothProven(proof, coversNot(this, branch, not));
    if (condition !== undefined) proof = bothProven(proof, coversCondition(this, branch, condition));
    return proof;
  }

  /** `unevaluatedProperties` and `unevaluatedItems` come last: they look at what all the rest has looked at. */
  #seeing(branch: Branch, node: Node): Proof {
    const { object, array } = node.parts;
    const rest = node.note("without unevaluated", () => withoutUnevaluated(node.parts));
    const proof = this.covers(branch, rest);
    if (!proof.holds) return proof;
    if (branch.type === "object" && object?.unevaluated !== undefined)
      return sealed(proof, coversUnevaluatedProperties(this, branch, object.unevaluated, proof.seen));
    if (branch.type === "array" && array?.unevaluated !== undefined)
      return sealed(proof, coversUnevaluatedItems(this, branch, array.unevaluated, proof.seen.items));
    return proof;
  }

  #dropsOf(branch: Branch, { all, keys, declares, vague }: Seen): readonly string[] {
    if (branch.type !== "object" || !declares || all || vague) return [];
    const unread = writtenKeys(branch).filter((key) => {
      const at = keys.has(key) ? undefined : valueAt(branch, key);
      return at !== undefined && !this.isEmpty(at);
    });
    const drops = unread.map(stepTo);
    return isClosed(branch) || branch.objects.every(({ part }) => part.additional?.parts.never === true)
      ? drops
      : [...drops, "/*"];
  }

  branchesOf(at: Conjunction): readonly Branch[] {
    return expand(at, this.budget);
  }

  narrowed(branch: Branch, ...conditions: readonly Node[]): readonly Branch[] {
    const items = conditions.map((node) => item(node, "condition"));
    return this.branchesOf(conjunction([...branch.items, ...items])).filter(
      (narrower) => !this.isEmptyBranch(narrower),
    );
  }

  isDisjoint(branch: Branch, node: Node): boolean {
    if (shutsOut(branch, node)) return true;
    return this.isEmpty(conjunction([...branch.items, item(node, "condition")]));
  }

  isEmpty(at: Conjunction): boolean {
    spend(this.budget);
    const known = this.#empty.get(at.key);
    if (known !== undefined) return known;
    if (this.#asked.has(at.key) || this.#asked.size > maxDepth) return false;
    this.#asked.add(at.key);
    const isEmpty = this.branchesOf(at).every((branch) => this.isEmptyBranch(branch));
    this.#asked.delete(at.key);
    // A negative answer may have been cut short by one that was being asked: only the outermost is worth keeping.
    if (isEmpty || this.#asked.size === 0) this.#empty.set(at.key, isEmpty);
    return isEmpty;
  }

  isEmptyBranch(branch: Branch): boolean {
    const known = this.#emptyBranches.get(branch);
    if (known !== undefined) return known;
    const isEmpty = this.quickly(() => isEmptyBranch(this, branch));
    if (this.#assumed.size === 0 || (!isEmpty && this.#asked.size === 0)) this.#emptyBranches.set(branch, isEmpty);
    return isEmpty;
  }
}

function isHeld(role: Role): boolean {
  return role === "writer" || role === "condition";
}

function sealed(proof: Proof, rest: Proof): Proof {
  return bothProven(proof, rest.holds ? { ...rest, seen: { ...nothingSeen, all: true, items: Infinity } } : rest);
}

function withoutUnevaluated(parts: Parts): Node {
  const { object, array, ...others } = parts;
  const { unevaluated: _, ...plainObject } = object ?? {};
  const { unevaluated: __, ...plainArray } = array ?? {};
  return Node.of({
    ...others,
    ...(object !== undefined && { object: plainObject as NonNullable<Parts["object"]> }),
    ...(array !== undefined && { array: plainArray as NonNullable<Parts["array"]> }),
  });
}
