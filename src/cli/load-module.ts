import { existsSync, readFileSync } from "node:fs";
import { dirname, join, relative } from "node:path";
import { pathToFileURL } from "node:url";
import type { Jiti } from "jiti";
import { UsageError } from "./failure.ts";

let typescript: Promise<Jiti> | undefined;

/** A module of the user's. TypeScript is loaded as it stands. @throws {UsageError} where it is not there, or cannot be loaded */
export async function loadModule(file: string): Promise<Record<string, unknown>> {
  const shown = relative(process.cwd(), file);
  if (!existsSync(file)) throw new UsageError(`There is no file ${shown}.`);
  try {
    // What node can load by itself it should: it is then the same module as everywhere else.
    if (file.endsWith(".mjs") || (file.endsWith(".js") && isModule(file)))
      return (await import(pathToFileURL(file).href)) as Record<string, unknown>;
    typescript ??= typescriptLoader();
    return await (await typescript).import<Record<string, unknown>>(file);
  } catch (error) {
    const message = error instanceof Error ? error.message : String(error);
    throw new UsageError(`${shown} could not be loaded: ${message}`, { cause: error });
  }
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
