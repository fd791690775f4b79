import {
  type Call,
  isArrayLiteral,
  isCall,
  isFunction,
  isIdentifier,
  isLiteral,
  isNew,
  isObjectLiteral,
  isProperty,
  type Node,
  nameOf,
} from "./ast.ts";
import { contextMethod, interruptibleAround } from "./interruptible.ts";
import type { Rule, RuleContext } from "./rule.ts";

/** Classes whose values JSON turns into something else, or into nothing. */
const classes = new Map([
  ["Date", "Write its ISO form: .toISOString()"],
  ["Map", "Write a list of its entries, or an object."],
  ["Set", "Write a list."],
  ["WeakMap", "It cannot be stored."],
  ["WeakSet", "It cannot be stored."],
  ["RegExp", "Write its source."],
  ["URL", "Write its text: .href"],
  ["Error", "Write its message."],
  ["Promise", "Await it."],
  ["AbortController", "It cannot be stored."],
]);

/** A payload, a schedule's payload and a step's result are stored as JSON: what is none arrives as something else. */
export const jsonPayload: Rule = {
  meta: {
    type: "problem",
    docs: { description: "Put only what JSON can hold into payloads and results of steps.", recommended: true },
    hasSuggestions: true,
    messages: {
      notJson: "{{what}} is no JSON, and {{where}} is stored as JSON. {{advice}}",
      isoForm: "Write its ISO form.",
    },
    schema: [],
  },
  create: (context) => ({
    CallExpression(node: Call) {
      const name = nameOf(node.callee);
      const [, second] = node.arguments;
      if (name === "enqueue" && second !== undefined) look(context, second, "a payload");
      if (name === "enqueueMany" && isArrayLiteral(second))
        for (const element of second.elements) if (element) look(context, element, "a payload");
      if (name === "schedule" && isObjectLiteral(second)) {
        const payload = second.properties.find(
          (property) => isProperty(property) && nameOf(property.key) === "payload",
        );
        if (isProperty(payload)) look(context, payload.value, "a schedule's payload");
      }
      const around = interruptibleAround(node);
      const run = node.arguments.at(-1);
      const isStep = around !== undefined && contextMethod(node, around) === "step";
      if (isStep && isFunction(run) && run.body.type !== "BlockStatement") look(context, run.body, "a step's result");
    },
  }),
};

function look(context: RuleContext, node: Node, where: string): void {
  if (isObjectLiteral(node)) {
    for (const property of node.properties) if (isProperty(property)) look(context, property.value, where);
    return;
  }
  if (isArrayLiteral(node)) {
    for (const element of node.elements) if (element) look(context, element, where);
    return;
  }
  const found = notJson(node);
  if (found === undefined) return;
  context.report({
    node,
    messageId: "notJson",
    data: { ...found, where },
    ...(isNew(node) &&
      nameOf(node.callee) === "Date" && {
        suggest: [{ messageId: "isoForm", fix: (fixer) => fixer.insertTextAfter(node, ".toISOString()") }],
      }),
  });
}

function notJson(node: Node): { readonly what: string; readonly advice: string } | undefined {
  if (isFunction(node)) return { what: "A function", advice: "Write what it needs, and let the task call it." };
  if (isLiteral(node) && node.bigint !== undefined) return { what: "A BigInt", advice: "Write it as text." };
  if (isCall(node) && isIdentifier(node.callee) && (node.callee.name === "BigInt" || node.callee.name === "Symbol"))
    return { what: `A ${node.callee.name}`, advice: "Write it as text." };
  const name = isNew(node) ? nameOf(node.callee) : undefined;
  const advice = name === undefined ? undefined : classes.get(name);
  return advice === undefined ? undefined : { what: `A ${name}`, advice };
}
