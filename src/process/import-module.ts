import { existsSync, readFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { pathToFileURL } from "node:url";
import type { Jiti } from "jiti";

/** Modules of the user's, as they stand: programs of ours are started with their names. */

let typescript: Promise<Jiti> | undefined;

/** @param file an absolute path. @throws whatever the module throws, or what does not parse */
export async function importModule(file: string): Promise<Record<string, unknown>> {
  // What node can load by itself it should: it is then the same module as everywhere else.
  if (file.endsWith(".mjs") || (file.endsWith(".js") && isModule(file)))
    return (await import(pathToFileURL(file).href)) as Record<string, unknown>;
  typescript ??= typescriptLoader();
  return await (await typescript).import<Record<string, unknown>>(file);
}

async function typescriptLoader(): Promise<Jiti> {
  const [{ createJiti }, { withoutTypes }] = await Promise.all([import("jiti"), import("./without-types.ts")]);
  const babel = createJiti(import.meta.url, { interopDefault: true });
  return createJiti(import.meta.url, {
    interopDefault: true,
    transform: (options) => ({ code: withoutTypes(options) ?? babel.transform(options) }),
  });
}

/** Whether node takes a `.js` file as a module: by the nearest package.json. */
function isModule(file: string): boolean {
  for (let at = dirname(file); ; at = dirname(at)) {
    const manifest = join(at, "package.json");
    if (existsSync(manifest))
      return (JSON.parse(readFileSync(manifest, "utf8")) as { type?: unknown }).type === "module";
    if (dirname(at) === at) return false;
  }
}
