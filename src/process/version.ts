import { readFileSync } from "node:fs";

/** Of this package. Read from its package.json, which stands two folders above this file in src/ and in dist/ alike. */
export const packageVersion: string = readVersion();

function readVersion(): string {
  try {
    const { version } = JSON.parse(readFileSync(new URL("../../package.json", import.meta.url), "utf8")) as {
      version: string;
    };
    return version;
  } catch {
    return "unknown"; // bundled into another file: nothing depends on it but what people are shown
  }
}
