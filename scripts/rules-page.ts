import { writeFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { type Outcome, type Rule, rules } from "../src/contract/compatibility/compatibility.ts";

/** Writes docs/rules.md from the rules themselves: `npx jiti scripts/rules-page.ts`. A test holds the page against them. */
export const rulesPage: string = fileURLToPath(new URL("../docs/rules.md", import.meta.url));

const words: { readonly [outcome in Outcome]: string } = {
  ok: "ok",
  drop: "DROP",
  break: "BREAK",
  change: "CHANGE",
  unknown: "unknown",
};

export function writtenRules(): string {
  const rows = rules.map(
    ({ id, title, backward, forward }) => `| [${id}](#${id}) | ${title} | ${words[backward]} | ${words[forward]} |`,
  );
  return [
    "# Rules of compatibility",
    "",
    "Two payload schemas of one task are compared as sets of payloads. **Backward**: new code reads old payloads, the ones",
    "that are already in the queue. **Forward**: old code reads new payloads, while a deploy rolls through and after a rollback.",
    "",
    "- **ok**: whatever the one side writes, the other side takes. It is proven.",
    "- **BREAK**: some payload is refused, and the comparison shows one.",
    "- **DROP**: nothing is refused, but a property is silently ignored.",
    "- **CHANGE**: the payload is taken, and means something else.",
    "- **unknown**: neither a proof nor such a payload was found. It is treated as BREAK.",
    "",
    "Producers send declared properties alone: an object that declares properties is closed where it is written. Where it",
    "is read, others are taken as the schema says. A record (`additionalProperties`) stays open on both sides.",
    "What each rule means is derived, for every comparison, from the two schemas at hand; the table shows it for the examples below.",
    "",
    "| rule | what happened | backward | forward |",
    "| --- | --- | --- | --- |",
    ...rows,
    "",
    ...rules.flatMap(section),
  ].join("\n");
}

function section({ id, title, why, example, backward, forward, safeWay }: Rule): string[] {
  return [
    `## ${id}`,
    "",
    `${title[0]?.toUpperCase()}${title.slice(1)}. Backward ${words[backward]}, forward ${words[forward]}.`,
    "",
    why,
    "",
    "```js",
    `older = ${JSON.stringify(example.older)}`,
    `newer = ${JSON.stringify(example.newer)}`,
    "```",
    "",
    safeWay,
    "",
  ];
}

if (process.argv[1] === fileURLToPath(import.meta.url)) writeFileSync(rulesPage, writtenRules());
