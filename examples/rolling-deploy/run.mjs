// Runs a TypeScript file as it stands: `node run.mjs demo.ts`.
import { resolve } from "node:path";
import { createJiti } from "jiti";

const [file = "demo.ts"] = process.argv.slice(2);
await createJiti(import.meta.url).import(resolve(import.meta.dirname ?? ".", file));
