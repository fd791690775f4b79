import { awaitStep } from "./await-step.ts";
import { callInStep } from "./call-in-step.ts";
import { enqueueThroughContext } from "./enqueue-through-context.ts";
import { jsonPayload } from "./json-payload.ts";
import type { Rule, Visit } from "./rule.ts";
import { stableBetweenSteps } from "./stable-between-steps.ts";

export const rules: Readonly<Record<string, Rule>> = {
  "await-step": awaitStep,
  "call-in-step": callInStep,
  "enqueue-through-context": enqueueThroughContext,
  "json-payload": jsonPayload,
  "stable-between-steps": stableBetweenSteps,
};

/** A rule as a configuration takes it: what ESLint hands to it is ESLint's matter. */
type ConfiguredRule = Pick<Rule, "meta"> & { create(context: never): Record<string, Visit> };

const plugin: { readonly meta: { readonly name: string }; readonly rules: Record<string, ConfiguredRule> } = {
  meta: { name: "taskmaster" },
  rules,
};

/** All rules, as errors: an entry of `eslint.config.js`. */
const recommended = {
  name: "taskmaster/recommended",
  plugins: { taskmaster: plugin },
  rules: Object.fromEntries(Object.keys(rules).map((name) => [`taskmaster/${name}`, "error" as const])),
};

/** The plugin for ESLint 9 and later. */
export const taskmaster: typeof plugin & { readonly configs: { readonly recommended: typeof recommended } } = {
  ...plugin,
  configs: { recommended },
};
