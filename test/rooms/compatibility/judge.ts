import { Ajv2020 } from "ajv/dist/2020.js";
import type { JsonSchema } from "../../../src/contract/json-schema.ts";

/** Ajv, the judge of what the comparison says. Undefined where it cannot judge: a schema that refers to itself in place. */
export function judge(schema: JsonSchema): (value: unknown) => boolean | undefined {
  // Ajv 8.20 forgets what was evaluated where dependentSchemas stand below unevaluatedProperties.
  const text = JSON.stringify(schema);
  if (text.includes("unevaluatedProperties") && text.includes("dependentSchemas")) return () => undefined;
  const ajv = new Ajv2020({ strict: false, logger: false, validateSchema: false, formats: texts });
  let validate: ((value: unknown) => unknown) | undefined;
  try {
    validate = ajv.compile(schema as object | boolean);
  } catch {
    return () => undefined;
  }
  return (value) => {
    try {
      return validate?.(value) === true;
    } catch {
      return undefined;
    }
  };
}

/** Formats, as plainly as validators agree on them. */
const texts = {
  email: /^[^@\s]+@[^@\s]+\.[a-z]+$/i,
  date: /^\d{4}-\d\d-\d\d$/,
  "date-time": /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?Z$/,
  uuid: /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/i,
  uri: /^[a-z][a-z0-9+.-]*:\S+$/i,
};
