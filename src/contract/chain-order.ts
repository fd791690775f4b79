import { InvalidContractError } from "./contract.ts";

/** What a chain takes only once it has a payload. */
const steps = {
  revise: ".revise(schema, { upgrade: (older) => ({ … }) })",
  formerly: '.formerly("its.former.name")',
  retired: ".retired()",
  short: ".short(async (payload) => { … })",
  interruptible: ".interruptible(async (payload, ctx) => { … })",
};

/** The compiler knows the order of a chain; plain JavaScript learns of it here, rather than by "is not a function". */
export function stepsBeforePayload(name: string): { readonly [step in keyof typeof steps]: () => never } {
  const refuse = (step: keyof typeof steps) => () => {
    throw new InvalidContractError(
      `${name} has no payload yet, which comes before .${step}(): write task(${JSON.stringify(name)}).payload(schema)${steps[step]}.`,
    );
  };
  return {
    revise: refuse("revise"),
    formerly: refuse("formerly"),
    retired: refuse("retired"),
    short: refuse("short"),
    interruptible: refuse("interruptible"),
  };
}
