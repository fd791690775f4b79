import type { NumberPart } from "./node.ts";
import { type Verdict, verdictOf } from "./truth.ts";

/** Numbers and sets of numbers. Beyond 2^53 a double no longer says which integer was written. */

export function isUnsafe(value: number): boolean {
  return Math.abs(value) > Number.MAX_SAFE_INTEGER;
}

export function fitsNumber(value: number, part: NumberPart): Verdict {
  const { min, max, multipleOf } = part;
  if (min !== undefined && (value < min || (part.minOpen === true && value === min))) return unsafeTie(value, min);
  if (max !== undefined && (value > max || (part.maxOpen === true && value === max))) return unsafeTie(value, max);
  const atBound = (value === min || value === max) && isUnsafe(value);
  const multiple = multipleOf === undefined ? "yes" : isMultiple(value, multipleOf);
  return atBound && multiple !== "no" ? "unknown" : multiple;
}

function unsafeTie(value: number, bound: number): Verdict {
  return value === bound && isUnsafe(value) ? "unknown" : "no";
}

/** Validators divide in floating point, or exactly; where the two disagree, the answer is unknown. */
function isMultiple(value: number, of: number): Verdict {
  if (value === 0) return "yes";
  const quotient = value / of;
  if (!Number.isFinite(quotient) || isUnsafe(value) || isUnsafe(of)) return "unknown";
  const floating = Number.isInteger(quotient);
  if (isUnsafe(quotient)) return "unknown";
  const [one, other] = [decimal(value), decimal(of)];
  const exponent = Math.min(one.exponent, other.exponent);
  if (Math.max(one.exponent, other.exponent) - exponent > 400) return "unknown";
  const exact = scaled(one, exponent) % scaled(other, exponent) === 0n;
  return exact === floating ? verdictOf(exact) : "unknown";
}

interface Decimal {
  readonly digits: bigint;
  readonly exponent: number;
}

function decimal(value: number): Decimal {
  const [mantissa = "0", power = "0"] = value.toString().split("e");
  const [whole = "0", fraction = ""] = mantissa.split(".");
  return { digits: BigInt(whole + fraction), exponent: Number(power) - fraction.length };
}

function scaled({ digits, exponent }: Decimal, to: number): bigint {
  return digits * 10n ** BigInt(exponent - to);
}

/** What is known of a number from all that was said of it. */
export interface NumberSet {
  readonly min: number;
  readonly minOpen: boolean;
  readonly max: number;
  readonly maxOpen: boolean;
  readonly multiples: readonly number[];
  readonly integer: boolean;
}

export const allNumbers: NumberSet = {
  min: Number.NEGATIVE_INFINITY,
  minOpen: false,
  max: Number.POSITIVE_INFINITY,
  maxOpen: false,
  multiples: [],
  integer: false,
};

export function narrowed(set: NumberSet, part: NumberPart): NumberSet {
  let { min, minOpen, max, maxOpen, multiples } = set;
  if (part.min !== undefined && (part.min > min || (part.min === min && part.minOpen === true)))
    [min, minOpen] = [part.min, part.minOpen ?? false];
  if (part.max !== undefined && (part.max < max || (part.max === max && part.maxOpen === true)))
    [max, maxOpen] = [part.max, part.maxOpen ?? false];
  if (part.multipleOf !== undefined && !multiples.includes(part.multipleOf))
    multiples = [...multiples, part.multipleOf];
  return { ...set, min, minOpen, max, maxOpen, multiples };
}

export function isInteger(set: NumberSet): boolean {
  return set.integer || set.multiples.some((of) => Number.isSafeInteger(of));
}

/** The least and the greatest integer; infinite where there is none that is safe to count with. */
export function integerBounds(set: NumberSet): readonly [number, number] {
  const step = Math.max(1, ...set.multiples.filter((of) => Number.isSafeInteger(of)));
  const least = set.minOpen && Number.isInteger(set.min) ? set.min + 1 : Math.ceil(set.min);
  const greatest = set.maxOpen && Number.isInteger(set.max) ? set.max - 1 : Math.floor(set.max);
  const low = Math.ceil(least / step) * step;
  const high = Math.floor(greatest / step) * step;
  return [isUnsafe(low) ? Number.NEGATIVE_INFINITY : low, isUnsafe(high) ? Number.POSITIVE_INFINITY : high];
}

export function isEmptyNumbers(set: NumberSet): boolean {
  if (set.min > set.max || (set.min === set.max && (set.minOpen || set.maxOpen) && !isUnsafe(set.min))) return true;
  if (!isInteger(set)) return false;
  const [low, high] = integerBounds(set);
  return low > high;
}

/** Whether every number of the set satisfies what `part` says; false where it is not certain. */
export function coversNumbers(set: NumberSet, part: NumberPart): boolean {
  const bounds = isInteger(set) ? integerBounds(set) : undefined;
  return coversMin(set, part, bounds?.[0]) && coversMax(set, part, bounds?.[1]) && coversMultiple(set, part);
}

function coversMin(set: NumberSet, { min, minOpen }: NumberPart, low = Number.NEGATIVE_INFINITY): boolean {
  if (min === undefined || set.min > min) return true;
  if (set.min === min && (minOpen !== true || set.minOpen)) return true;
  return minOpen === true ? low > min : low >= min;
}

function coversMax(set: NumberSet, { max, maxOpen }: NumberPart, high = Number.POSITIVE_INFINITY): boolean {
  if (max === undefined || set.max < max) return true;
  if (set.max === max && (maxOpen !== true || set.maxOpen)) return true;
  return maxOpen === true ? high < max : high <= max;
}

function coversMultiple(set: NumberSet, { multipleOf }: NumberPart): boolean {
  if (multipleOf === undefined || set.multiples.includes(multipleOf)) return true;
  if (multipleOf === 1) return isInteger(set);
  if (!Number.isSafeInteger(multipleOf)) return isInteger(set) && isPowerOfTwo(1 / multipleOf);
  return set.multiples.some((of) => Number.isSafeInteger(of) && of % multipleOf === 0);
}

/** Dividing by 0.5 or 0.25 is exact in floating point, by 0.1 it is not. */
function isPowerOfTwo(value: number): boolean {
  return Number.isInteger(value) && Number.isInteger(Math.log2(value));
}

/** Numbers of the set near its edges, and just outside of `around`, the likeliest to be refused elsewhere. */
export function sampleNumbers(set: NumberSet, around: readonly number[]): readonly number[] {
  const step = set.multiples.reduce((product, of) => product * of, isInteger(set) ? 1 : 0.5);
  const wanted = [set.min, set.max, 0, 1, ...around].filter(Number.isFinite);
  const near = wanted.flatMap((value) => {
    const below = Math.floor(value / step) * step;
    return [value, below, below + step, value + step, value - step, below - step];
  });
  const middle = Number.isFinite(set.min + set.max) ? [(set.min + set.max) / 2] : [];
  const fractions = isInteger(set)
    ? []
    : wanted.flatMap((value) => [value + 0.1, value - 0.1, value + 0.01, value - 0.01]);
  const candidates = [...near, ...middle, ...fractions].map((value) => (Object.is(value, -0) ? 0 : value));
  return [...new Set(candidates)].filter((value) => isIn(set, value));
}

function isIn(set: NumberSet, value: number): boolean {
  if (!Number.isFinite(value) || (isInteger(set) && !Number.isInteger(value))) return false;
  if (value < set.min || (set.minOpen && value === set.min)) return false;
  if (value > set.max || (set.maxOpen && value === set.max)) return false;
  return set.multiples.every((of) => isMultiple(value, of) === "yes");
}
