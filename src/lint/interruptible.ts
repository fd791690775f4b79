import {
  type Call,
  type Func,
  functionsAround,
  isCall,
  isIdentifier,
  isMember,
  isProperty,
  type Node,
  nameOf,
} from "./ast.ts";

/** The function of an interruptible task: `.interruptible(async (payload, ctx) => { … })`. */
export interface InterruptibleFunction {
  readonly func: Func;
  /** The name of its second parameter; undefined where it takes none, or takes it apart. */
  readonly context?: string;
  /** Names that it takes out of its second parameter, by the method. */
  readonly methods: ReadonlyMap<string, string>;
}

/** What an interruptible task may do through its context, and has to wait for. */
export const contextMethods = ["step", "sleep", "waitFor", "enqueue", "commit"] as const;

/** The interruptible function that a node stands in, however deep. */
export function interruptibleAround(node: Node): InterruptibleFunction | undefined {
  const func = functionsAround(node).find(isOfInterruptible);
  return func && described(func);
}

function isOfInterruptible(func: Func): boolean {
  const call = func.parent;
  return (
    isCall(call) && isMember(call.callee) && nameOf(call.callee) === "interruptible" && call.arguments.at(-1) === func
  );
}

function described(func: Func): InterruptibleFunction {
  const [, parameter] = func.params;
  if (isIdentifier(parameter)) return { func, context: parameter.name, methods: new Map() };
  const pattern = parameter as { readonly type: string; readonly properties?: readonly Node[] } | undefined;
  const taken = (pattern?.properties ?? []).flatMap((property): [string, string][] => {
    if (!isProperty(property) || !isIdentifier(property.value)) return [];
    const method = nameOf(property.key);
    return method === undefined ? [] : [[property.value.name, method]];
  });
  return { func, methods: new Map(taken) };
}

/** Which method of the context a call is of: `step` of `ctx.step(…)`, and of `ctx.step.tx(…)`. */
export function contextMethod({ callee }: Call, around: InterruptibleFunction): string | undefined {
  const own = methodOf(callee, around);
  if (own !== undefined) return own;
  return isMember(callee) && nameOf(callee) === "tx" ? methodOf(callee.object, around) : undefined;
}

function methodOf(node: Node, { context, methods }: InterruptibleFunction): string | undefined {
  if (isIdentifier(node)) return methods.get(node.name);
  return isMember(node) && isIdentifier(node.object) && node.object.name === context ? nameOf(node) : undefined;
}

/** Whether a node stands in a loop over `ctx.each(…)`. */
export function isInEach(node: Node, around: InterruptibleFunction): boolean {
  for (let at: Node | undefined = node; at !== undefined && at !== around.func; at = at.parent) {
    const { right } = at as { readonly right?: Node };
    if (at.type === "ForOfStatement" && isCall(right) && contextMethod(right, around) === "each") return true;
  }
  return false;
}

/** Whether a node stands in the function of a step, whose result is recorded. */
export function isInStep(node: Node, around: InterruptibleFunction): boolean {
  for (const func of functionsAround(node)) {
    if (func === around.func) return false;
    const call = func.parent;
    const isStep =
      isCall(call) && call.arguments.includes(func) && ["step", "commit"].includes(contextMethod(call, around) ?? "");
    if (isStep) return true;
  }
  return false;
}

/** Whether it stands in the function itself, where it may wait: not in one that is called by something else. */
export function isDirectlyIn(node: Node, { func }: InterruptibleFunction): boolean {
  return functionsAround(node)[0] === func && func.async;
}
