/** As much of a syntax tree (ESTree) as the rules look at; the linter is an optional peer, and so are its types. */

export interface Node {
  readonly type: string;
  readonly parent?: Node;
  readonly range?: readonly [number, number];
}

export interface Identifier extends Node {
  readonly name: string;
}

export interface Call extends Node {
  readonly callee: Node;
  readonly arguments: readonly Node[];
}

export interface Member extends Node {
  readonly object: Node;
  readonly property: Node;
  readonly computed: boolean;
}

export interface Func extends Node {
  readonly params: readonly Node[];
  readonly body: Node;
  readonly async: boolean;
}

export interface Literal extends Node {
  readonly value: unknown;
  readonly bigint?: string;
}

export interface ObjectLiteral extends Node {
  readonly properties: readonly Node[];
}

export interface Property extends Node {
  readonly key: Node;
  readonly value: Node;
}

export interface ArrayLiteral extends Node {
  readonly elements: readonly (Node | null)[];
}

export interface Import extends Node {
  readonly source: Literal;
  readonly specifiers: readonly { readonly local: Identifier }[];
}

export interface Declarator extends Node {
  readonly id: Node;
  readonly init: Node | null;
}

export function isIdentifier(node: Node | null | undefined): node is Identifier {
  return node?.type === "Identifier";
}

export function isCall(node: Node | null | undefined): node is Call {
  return node?.type === "CallExpression";
}

export function isNew(node: Node | null | undefined): node is Call {
  return node?.type === "NewExpression";
}

export function isMember(node: Node | null | undefined): node is Member {
  return node?.type === "MemberExpression";
}

export function isFunction(node: Node | null | undefined): node is Func {
  return (
    node?.type === "ArrowFunctionExpression" ||
    node?.type === "FunctionExpression" ||
    node?.type === "FunctionDeclaration"
  );
}

export function isObjectLiteral(node: Node | null | undefined): node is ObjectLiteral {
  return node?.type === "ObjectExpression";
}

export function isArrayLiteral(node: Node | null | undefined): node is ArrayLiteral {
  return node?.type === "ArrayExpression";
}

export function isProperty(node: Node | null | undefined): node is Property {
  return node?.type === "Property";
}

export function isLiteral(node: Node | null | undefined): node is Literal {
  return node?.type === "Literal";
}

/** `enqueue` of `taskmaster.enqueue`; of a plain name, the name. */
export function nameOf(node: Node): string | undefined {
  if (isIdentifier(node)) return node.name;
  return isMember(node) && !node.computed && isIdentifier(node.property) ? node.property.name : undefined;
}

/** `Date.now` of `Date.now`, where all of it is plain names. */
export function dotted(node: Node): string | undefined {
  if (isIdentifier(node)) return node.name;
  if (!isMember(node) || node.computed || !isIdentifier(node.property)) return;
  const object = dotted(node.object);
  return object === undefined ? undefined : `${object}.${node.property.name}`;
}

interface Wrapper extends Node {
  readonly expression: Node;
}

/** What TypeScript and optional chaining put around an expression: `a!`, `a as B`, `a?.b`. */
const wrappers = new Set(["TSNonNullExpression", "TSAsExpression", "TSSatisfiesExpression", "ChainExpression"]);

/** The name that a chain of members and calls begins with: `stripe` of `stripe.charges.create(…)`. */
export function rootName(node: Node): string | undefined {
  if (isIdentifier(node)) return node.name;
  if (isMember(node)) return rootName(node.object);
  if (wrappers.has(node.type)) return rootName((node as Wrapper).expression);
  return isCall(node) || isNew(node) ? rootName(node.callee) : undefined;
}

/** The functions that a node stands in, from the inside. */
export function functionsAround(node: Node): Func[] {
  const found: Func[] = [];
  for (let at = node.parent; at !== undefined && at !== null; at = at.parent) if (isFunction(at)) found.push(at);
  return found;
}
