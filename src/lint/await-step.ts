import type { Call } from "./ast.ts";
import { contextMethod, contextMethods, interruptibleAround, isDirectlyIn } from "./interruptible.ts";
import type { Rule } from "./rule.ts";

/** A step that nobody waits for may be cut off, or may still run when the task has succeeded. */
export const awaitStep: Rule = {
  meta: {
    type: "problem",
    docs: {
      description: "Wait for everything that an interruptible task does through its context.",
      recommended: true,
    },
    hasSuggestions: true,
    messages: {
      floating:
        "Nobody waits for this {{method}}: the task may end, or be interrupted, before it is recorded. Write: await {{call}}(…)",
      addAwait: "Wait for it.",
    },
    schema: [],
  },
  create: (context) => ({
    CallExpression(node: Call) {
      if (node.parent?.type !== "ExpressionStatement") return;
      const around = interruptibleAround(node);
      const method = around && contextMethod(node, around);
      if (around === undefined || method === undefined || !(contextMethods as readonly string[]).includes(method))
        return;
      context.report({
        node,
        messageId: "floating",
        data: { method, call: context.sourceCode.getText(node.callee) },
        ...(isDirectlyIn(node, around) && {
          suggest: [{ messageId: "addAwait", fix: (fixer) => fixer.insertTextBefore(node, "await ") }],
        }),
      });
    },
  }),
};
