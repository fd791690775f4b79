import type { TransformOptions } from "jiti";
import { transform } from "sucrase";

/**
 * TypeScript without its types, on the same lines, in the form that jiti evaluates. jiti's own Babel takes several seconds for a
 * thousand tasks that nobody has loaded before, as in every CI; sucrase takes a fraction of one.
 *
 * @returns nothing for what is left to Babel: what is more than TypeScript's types, and what does not parse, so that Babel says why
 */
export function withoutTypes({ source, filename = "", async }: TransformOptions): string | undefined {
  if (!/\.[cm]?ts$/.test(filename) || leftToBabel.test(source)) return;
  try {
    const { code } = transform(source, {
      transforms: ["typescript", "imports"],
      disableESTransforms: true,
      filePath: filename,
    });
    // jiti's own import takes modules that node can only import. Every `require` is sucrase's: a source with one does not come here.
    return async ? code.replaceAll(/\brequire\(/g, "await jitiImport(") : code;
  } catch {
    return;
  }
}

/**
 * `import.meta`, `import()` and `require`, which jiti has its own way with, and what TypeScript makes code of: enumerations,
 * namespaces (sucrase drops them), decorators.
 */
const leftToBabel =
  /\bimport\s*[.(]|\b(?:require|jitiImport)\b|^\s*(?:export\s+)?(?:declare\s+)?(?:const\s+)?(?:enum|namespace|module)\b|^\s*(?:export\s+)?@\w/m;
