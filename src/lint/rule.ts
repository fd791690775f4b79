import type { Node } from "./ast.ts";

/** What a rule is to ESLint, as far as ours use it. */
export interface Rule {
  readonly meta: {
    readonly type: "problem";
    readonly docs: { readonly description: string; readonly recommended: true };
    readonly hasSuggestions?: true;
    readonly messages: Readonly<Record<string, string>>;
    readonly schema: object[];
  };
  create(context: RuleContext): Record<string, Visit>;
}

/** Called with a node of the kind that its key names; a method, so that it may ask for that kind. */
export type Visit = { visit(node: unknown): void }["visit"];

export interface RuleContext {
  readonly options: readonly unknown[];
  readonly sourceCode: { getText(node: Node): string };
  report(report: Report): void;
}

export interface Report {
  readonly node: Node;
  readonly messageId: string;
  readonly data?: Readonly<Record<string, string>>;
  readonly suggest?: readonly Suggestion[];
}

export interface Suggestion {
  readonly messageId: string;
  readonly data?: Readonly<Record<string, string>>;
  fix(fixer: Fixer): unknown;
}

export interface Fixer {
  insertTextBefore(node: Node, text: string): unknown;
  insertTextAfter(node: Node, text: string): unknown;
  replaceText(node: Node, text: string): unknown;
}
