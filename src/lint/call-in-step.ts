import { type Call, type Declarator, type Import, isIdentifier, type Node, rootName } from "./ast.ts";
import { contextMethod, interruptibleAround, isInStep } from "./interruptible.ts";
import type { Rule } from "./rule.ts";

/** Clients of mail, payment and other services: what they do cannot be undone. */
const clients = [
  "nodemailer",
  "stripe",
  "resend",
  "postmark",
  "mailgun.js",
  "@sendgrid/mail",
  "@mailchimp/mailchimp_transactional",
  "twilio",
  "@slack/web-api",
  "@slack/webhook",
  "braintree",
  "@paypal/paypal-server-sdk",
  "@adyen/api-library",
  "mollie-api-node",
  "@mollie/api-client",
  "axios",
  "got",
  "ky",
  "undici",
  "node-fetch",
  "superagent",
  "openai",
  "@anthropic-ai/sdk",
];
const scopes = ["@aws-sdk/", "@google-cloud/", "@azure/"];
/** Node's own ways to ask another machine. */
const globals = ["fetch"];

interface Options {
  readonly modules?: readonly string[];
}

/** A call of another service outside a step is made again each time the task is interrupted. */
export const callInStep: Rule = {
  meta: {
    type: "problem",
    docs: {
      description: "Call other services from a step of an interruptible task, or from a short task.",
      recommended: true,
    },
    messages: {
      outside:
        'An interruptible task may be cut off after this call of {{name}} and run again: it is then made twice. Put it into a step, and return what the rest needs as JSON: await {{context}}.step("…", async () => …). What must never be made twice (a payment, a mail) belongs into a short task.',
    },
    schema: [
      {
        type: "object",
        properties: { modules: { type: "array", items: { type: "string" }, description: "more packages to look for" } },
        additionalProperties: false,
      },
    ],
  },
  create(context) {
    const { modules = [] } = (context.options[0] ?? {}) as Options;
    const known = new Map(globals.map((name) => [name, name]));
    const isClient = (source: unknown): source is string =>
      typeof source === "string" &&
      ([...clients, ...modules].some((name) => source === name || source.startsWith(`${name}/`)) ||
        scopes.some((scope) => source.startsWith(scope)));
    return {
      ImportDeclaration({ source, specifiers }: Import) {
        if (!isClient(source.value)) return;
        for (const { local } of specifiers) known.set(local.name, String(source.value));
      },
      // What is made of a client is one: const mailer = nodemailer.createTransport(…)
      VariableDeclarator({ id, init }: Declarator) {
        const from = init === null ? undefined : known.get(rootName(unwrapped(init)) ?? "");
        const isMade = init !== null && ["NewExpression", "CallExpression"].includes(unwrapped(init).type);
        if (isIdentifier(id) && isMade && from !== undefined && from !== "fetch") known.set(id.name, from);
      },
      CallExpression(node: Call) {
        const name = known.get(rootName(node.callee) ?? "");
        if (name === undefined || isPartOfChain(node)) return;
        const around = interruptibleAround(node);
        if (around === undefined || contextMethod(node, around) !== undefined || isInStep(node, around)) return;
        context.report({ node, messageId: "outside", data: { name, context: around.context ?? "ctx" } });
      },
    };
  },
};

function unwrapped(node: Node): Node {
  const { argument } = node as { readonly argument?: Node };
  return node.type === "AwaitExpression" && argument !== undefined ? argument : node;
}

/** `a(…)` of `a(…).b(…)`: the whole chain is told once, by its last call. */
function isPartOfChain(node: Node): boolean {
  const parent = node.parent;
  return parent?.type === "MemberExpression" && parent.parent?.type === "CallExpression";
}
