import { readFileSync } from "node:fs";
import { dirname, join } from "node:path";

/** The installed version of a schema library, seen from a folder of the code; "unknown" where it cannot be found. */
export function libraryVersion(vendor: string, folder: string): string {
  for (let at = folder; ; at = dirname(at)) {
    try {
      const { version } = JSON.parse(readFileSync(join(at, "node_modules", vendor, "package.json"), "utf8")) as {
        version?: unknown;
      };
      if (typeof version === "string") return version;
    } catch {
      // not here: a folder further up may have it
    }
    if (dirname(at) === at) return "unknown";
  }
}
