import { createRequire } from "node:module";
import { join, sep } from "node:path";

const here = createRequire(import.meta.url);

/**
 * What the copies of a package export that this program has: a driver may be installed more than once, and is not ours to choose. Empty where
 * it is not installed.
 */
export function copiesOf(name: string): Record<string, unknown>[] {
  const found = new Set<Record<string, unknown>>();
  const add = (exported: unknown) => {
    if (typeof exported === "object" || typeof exported === "function") {
      if (exported !== null) found.add(exported as Record<string, unknown>);
    }
  };
  try {
    add(createRequire(join(process.cwd(), "package.json"))(name));
  } catch {
    // the task does not use it, or it is none of this folder's
  }
  const folder = `${sep}node_modules${sep}${name.replace("/", sep)}${sep}`;
  for (const [file, module] of Object.entries(here.cache ?? {}))
    if (file.includes(folder) && !file.slice(file.lastIndexOf(folder) + folder.length).includes("node_modules"))
      add(module?.exports);
  return [...found];
}

/** Replaces a method; answers how to put it back. */
export function replaceMethod<Method>(place: object, name: string, by: (original: Method) => Method): () => void {
  const own = Object.getOwnPropertyDescriptor(place, name);
  const original = (place as Record<string, unknown>)[name];
  if (typeof original !== "function") return () => {};
  Object.defineProperty(place, name, { ...own, configurable: true, writable: true, value: by(original as Method) });
  return () => {
    if (own === undefined) delete (place as Record<string, unknown>)[name];
    else Object.defineProperty(place, name, own);
  };
}
