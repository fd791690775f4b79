import { existsSync } from "node:fs";
import { relative } from "node:path";
import { importModule } from "../process/import-module.ts";
import { UsageError } from "./failure.ts";

/** A module that the command line or the config names. @throws {UsageError} where it is not there, or cannot be loaded */
export async function loadModule(file: string): Promise<Record<string, unknown>> {
  const shown = relative(process.cwd(), file);
  if (!existsSync(file)) throw new UsageError(`There is no file ${shown}.`);
  try {
    return await importModule(file);
  } catch (error) {
    const message = error instanceof Error ? error.message : String(error);
    throw new UsageError(`${shown} could not be loaded: ${message}`, { cause: error });
  }
}
