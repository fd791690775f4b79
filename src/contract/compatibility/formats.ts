import type { Verdict } from "./truth.ts";

/**
 * What is certain of the formats. Libraries differ at the edges (is "a@b" an e-mail address?), so each format has a shape
 * that everybody takes and one outside of which nobody takes anything; between the two the answer is "unknown".
 */

interface Format {
  /** Taken by every validator. */
  readonly sure?: RegExp;
  /** Whatever does not look like this is refused by every validator. */
  readonly needs?: RegExp;
  readonly samples: readonly string[];
}

const date = String.raw`\d{4}-(0[1-9]|1[0-2])-(0[1-9]|1\d|2[0-8])`;
const time = String.raw`([01]\d|2[0-3]):[0-5]\d:[0-5]\d`;
const uuid = "[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}";

const formats: { readonly [name: string]: Format } = {
  "date-time": {
    sure: new RegExp(`^${date}T${time}(\\.\\d{3})?Z$`),
    needs: /^\d{4}-\d\d-\d\d[Tt\s_]/,
    samples: ["2024-02-01T10:20:30Z", "2024-02-01T10:20:30.000Z", "2023-05-06T07:08:09Z"],
  },
  date: { sure: new RegExp(`^${date}$`), needs: /^\d{4}-\d{2}-\d{2}$/, samples: ["2024-02-01", "2023-05-06"] },
  time: { needs: /^\d{2}:\d{2}/, samples: ["10:20:30", "10:20:30Z"] },
  duration: { sure: /^P\d+D$/, needs: /^-?P/, samples: ["P1D", "P2D"] },
  email: {
    sure: /^[a-z]{1,20}@[a-z]{2,20}\.(com|org)$/,
    needs: /^.+@.+$/s,
    samples: ["a@example.com", "b@example.com", "c@example.org"],
  },
  "idn-email": { sure: /^[a-z]{1,20}@[a-z]{2,20}\.(com|org)$/, needs: /@/, samples: ["a@example.com"] },
  hostname: { sure: /^[a-z]{2,20}\.(com|org)$/, needs: /^[^\s/@]+$/, samples: ["example.com", "example.org"] },
  ipv4: {
    sure: /^([1-9]\d?|1\d\d)(\.([1-9]\d?|1\d\d)){3}$/,
    needs: /^\d+\.\d+\.\d+\.\d+$/,
    samples: ["10.20.30.40", "127.1.1.1"],
  },
  ipv6: { sure: /^([0-9a-f]{4}:){7}[0-9a-f]{4}$/, needs: /:/, samples: ["2001:0db8:0001:0002:0003:0004:0005:0006"] },
  uri: {
    sure: /^https:\/\/[a-z]{2,20}\.(com|org)\/[a-z]{0,20}$/,
    needs: /^[a-zA-Z][a-zA-Z0-9+.-]*:/,
    samples: ["https://example.com/", "https://example.org/a"],
  },
  "uri-reference": { sure: /^https:\/\/[a-z]{2,20}\.(com|org)\/[a-z]{0,20}$/, samples: ["https://example.com/"] },
  iri: {
    sure: /^https:\/\/[a-z]{2,20}\.(com|org)\/[a-z]{0,20}$/,
    needs: /^[a-zA-Z][a-zA-Z0-9+.-]*:/,
    samples: ["https://example.com/", "https://example.org/a"],
  },
  "iri-reference": { sure: /^https:\/\/[a-z]{2,20}\.(com|org)\/[a-z]{0,20}$/, samples: ["https://example.com/"] },
  "uri-template": { sure: /^https:\/\/[a-z]{2,20}\.(com|org)\/[a-z]{0,20}$/, samples: ["https://example.com/"] },
  "idn-hostname": { sure: /^[a-z]{2,20}\.(com|org)$/, samples: ["example.com", "example.org"] },
  "relative-json-pointer": { sure: /^[1-9]\/[a-z]+$/, samples: ["1/a", "1/b"] },
  uuid: {
    // Version 4, variant 1: the ones that narrow readings of a UUID take too.
    sure: /^[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/,
    needs: new RegExp(`^(urn:uuid:|\\{)?${uuid}\\}?$`, "i"),
    samples: ["123e4567-e89b-42d3-a456-426614174000", "223e4567-e89b-42d3-a456-426614174000"],
  },
  ulid: {
    sure: /^[0-7][0-9A-HJKMNP-TV-Z]{25}$/,
    needs: /^[0-9A-Za-z]{26}$/,
    samples: ["01ARZ3NDEKTSV4RRFFQ69G5FAV", "01ARZ3NDEKTSV4RRFFQ69G5FAW"],
  },
  e164: { sure: /^\+[1-9]\d{9,13}$/, needs: /^\+\d+$/, samples: ["+14155552671", "+442071838750"] },
  lowercase: { sure: /^[a-z0-9]+$/, needs: /^[^A-Z]*$/, samples: ["a", "b"] },
  uppercase: { sure: /^[A-Z0-9]+$/, needs: /^[^a-z]*$/, samples: ["A", "B"] },
  regex: { sure: /^[a-z]+$/, samples: ["a", "b"] },
  "json-pointer": { sure: /^(\/[a-z]+)*$/, needs: /^(\/.*)?$/s, samples: ["/a", "/b"] },
  byte: { sure: /^([A-Za-z0-9]{4})+$/, needs: /^[A-Za-z0-9+/=_\s-]*$/, samples: ["YWJj", "YWJk"] },
};

/**
 * Formats that say how a value is meant and refuse none of its type. Zod's starts_with and its like stand beside the
 * pattern that does the work: without it they would not even know what to look for.
 */
const harmless = new Set(["password", "binary", "float", "double", "starts_with", "ends_with", "includes"]);

const int32 = { min: -2_147_483_648, max: 2_147_483_647 };

export function fitsFormat(format: string, value: unknown): Verdict {
  if (harmless.has(format)) return "yes";
  if (typeof value === "number") return fitsNumberFormat(format, value);
  if (typeof value !== "string" || format === "int32" || format === "int64") return "yes";
  const known = Object.hasOwn(formats, format) ? formats[format] : undefined;
  if (known === undefined || value.length > 500) return "unknown";
  if (known.sure?.test(value) === true) return "yes";
  return known.needs === undefined || known.needs.test(value) ? "unknown" : "no";
}

/** `int32` and `int64` come from OpenAPI; validators that know them enforce them, others do not. */
function fitsNumberFormat(format: string, value: number): Verdict {
  if (format === "int32")
    return Number.isInteger(value) && value >= int32.min && value <= int32.max ? "yes" : "unknown";
  if (format === "int64") return Number.isSafeInteger(value) ? "yes" : "unknown";
  return Object.hasOwn(formats, format) ? "yes" : "unknown";
}

/** Whether it is known what a format means; of any other the specification says that it refuses nothing (2020-12 validation, 7.2.1). */
export function isFormat(format: string): boolean {
  return Object.hasOwn(formats, format) || harmless.has(format) || format === "int32" || format === "int64";
}

export function isHarmless(format: string): boolean {
  return harmless.has(format);
}

export function samplesOf(format: string): readonly string[] {
  return Object.hasOwn(formats, format) ? (formats[format]?.samples ?? []) : [];
}

/** Whether a format speaks of texts alone, so that no other value is touched by it. */
export function isOfTexts(format: string): boolean {
  return Object.hasOwn(formats, format);
}
