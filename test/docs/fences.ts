import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";

export const root = fileURLToPath(new URL("../..", import.meta.url));

/**
 * The code blocks of our pages, as a reader would use them: in their order, each file in its latest form.
 *
 * - Every `ts` block compiles. `ts run` blocks are run too. A first line such as `// tasks.ts` names the file that a block is.
 * - What a block leaves out for its readers stands before it in a comment: `<!-- before`, code, `-->`.
 * - In `sh` blocks, lines that start with `npx taskmaster` are run.
 */
export interface Fence {
  readonly language: "ts" | "sh";
  readonly run: boolean;
  /** Of the page, counted from 1. */
  readonly line: number;
  readonly file: string;
  readonly text: string;
}

export interface Page {
  readonly name: string;
  readonly text: string;
  readonly fences: readonly Fence[];
}

const block =
  /(?:^<!-- before\n(?<before>[\s\S]*?)\n-->\n+)?^```(?<language>ts|sh)(?<run> run)?\n(?<code>[\s\S]*?)^```$/gm;

export function pages(): Page[] {
  const docs = readdirSync(join(root, "docs")).filter((name) => name.endsWith(".md"));
  return ["README.md", "CONTRIBUTING.md", "CHANGELOG.md", ...docs.map((name) => `docs/${name}`)].map((name) => {
    const text = readFileSync(join(root, name), "utf8");
    return { name, text, fences: [...text.matchAll(block)].map((match) => toFence(match, text)) };
  });
}

function toFence({ index, groups = {} }: RegExpExecArray, page: string): Fence {
  const { before, language, run, code = "" } = groups;
  return {
    language: language as Fence["language"],
    run: run !== undefined,
    line: page.slice(0, index).split("\n").length,
    file: /^\/\/ ([\w.-]+\.ts)\n/.exec(code)?.[1] ?? "example.ts",
    text: before === undefined ? code : `${before}\n${code}`,
  };
}
