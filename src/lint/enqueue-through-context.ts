import { type Call, isMember, isObjectLiteral, isProperty, type Node, nameOf } from "./ast.ts";
import { contextMethod, interruptibleAround, isInEach, isInStep } from "./interruptible.ts";
import type { Rule } from "./rule.ts";

/** An enqueue past the context is written at once, and again when the task is interrupted and runs again. */
export const enqueueThroughContext: Rule = {
  meta: {
    type: "problem",
    docs: { description: "Let an interruptible task enqueue through its context, once.", recommended: true },
    hasSuggestions: true,
    messages: {
      direct:
        "An interruptible task may be cut off after this and run again: the job is then enqueued twice. Use {{context}}.enqueue(…), which is written with the task's completion; or, within a step or a loop, give the enqueue a key: { key: … }.",
      throughContext: "Enqueue it with the task's completion.",
    },
    schema: [],
  },
  create: (context) => ({
    CallExpression(node: Call) {
      const { callee } = node;
      const method = nameOf(callee);
      if (!isMember(callee) || (method !== "enqueue" && method !== "enqueueMany") || node.arguments.some(hasKey))
        return;
      const around = interruptibleAround(node);
      if (around === undefined || contextMethod(node, around) !== undefined) return;
      const { context: name } = around;
      context.report({
        node,
        messageId: "direct",
        data: { context: name ?? "ctx" },
        ...(name !== undefined &&
          method === "enqueue" &&
          !isInStep(node, around) &&
          !isInEach(node, around) && {
            suggest: [{ messageId: "throughContext", fix: (fixer) => fixer.replaceText(callee.object, name) }],
          }),
      });
    },
  }),
};

/** A key makes a second enqueue find the first one's job. */
function hasKey(argument: Node): boolean {
  return (
    isObjectLiteral(argument) &&
    argument.properties.some((property) => isProperty(property) && nameOf(property.key) === "key")
  );
}
