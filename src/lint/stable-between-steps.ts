import { type Call, dotted, type Node } from "./ast.ts";
import {
  contextMethod,
  type InterruptibleFunction,
  interruptibleAround,
  isDirectlyIn,
  isInStep,
} from "./interruptible.ts";
import type { Rule } from "./rule.ts";

/** What is another value each time, and how a step would be called that keeps it. JSON, so that a step can keep it. */
const changing = new Map([
  ["Date.now", "now"],
  ["Math.random", "random number"],
  ["performance.now", "now"],
  ["crypto.randomUUID", "id"],
  ["randomUUID", "id"],
]);

/** Between steps, what is another value in the next attempt leads it another way than the one whose steps are recorded. */
export const stableBetweenSteps: Rule = {
  meta: {
    type: "problem",
    docs: { description: "Keep clocks, random numbers and fresh ids in steps.", recommended: true },
    hasSuggestions: true,
    messages: {
      changing:
        '{{call}} is another value when the task is interrupted and runs again, while its steps keep their results. Take it in a step: await {{context}}.step("{{step}}", () => {{keep}})',
      inStep: "Take it in a step, whose result is kept.",
    },
    schema: [],
  },
  create(context) {
    const steps = new Set<Node>();
    const found: { readonly node: Call; readonly name: string; readonly around: InterruptibleFunction }[] = [];
    const look = (node: Call, name: string) => {
      const around = interruptibleAround(node);
      if (around && !isInStep(node, around)) found.push({ node, name, around });
    };
    return {
      CallExpression(node: Call) {
        const around = interruptibleAround(node);
        if (around && contextMethod(node, around) !== undefined) steps.add(around.func);
        const name = dotted(node.callee);
        if (name !== undefined && changing.has(name)) look(node, name);
      },
      NewExpression(node: Call) {
        if (dotted(node.callee) === "Date" && node.arguments.length === 0) look(node, "new Date");
      },
      "Program:exit"() {
        for (const { node, name, around } of found) {
          // A task without steps begins anew each time: there is nothing to fall out with.
          if (!steps.has(around.func)) continue;
          const text = name === "new Date" ? "Date.now()" : context.sourceCode.getText(node);
          const step = changing.get(name) ?? "now";
          const context_ = around.context;
          const replacement = `await ${context_}.step("${step}", () => ${text})`;
          const isSafe = context_ !== undefined && name !== "new Date" && isDirectlyIn(node, around);
          context.report({
            node,
            messageId: "changing",
            data: { call: `${name}()`, context: context_ ?? "ctx", step, keep: text },
            ...(isSafe && {
              suggest: [
                { messageId: "inStep", fix: (fixer) => fixer.replaceText(node, parenthesised(node, replacement)) },
              ],
            }),
          });
        }
      },
    };
  },
};

/** An await binds less than a member or an operator beside it. */
function parenthesised(node: Node, text: string): string {
  const bare = ["VariableDeclarator", "ExpressionStatement", "ReturnStatement", "AssignmentExpression", "Property"];
  return bare.includes(node.parent?.type ?? "") ? text : `(${text})`;
}
