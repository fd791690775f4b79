/** Writes the tables of a results file into README.md: `npm run tables [-- results/latest.json]`. */
import { readFileSync, writeFileSync } from "node:fs";
import { renderTables } from "./tables.js";

const readme = new URL("../README.md", import.meta.url);
const file = process.argv[2] ?? new URL("../results/latest.json", import.meta.url);
const [before, rest] = readFileSync(readme, "utf8").split("<!-- results -->\n");
const after = rest?.split("<!-- /results -->\n")[1];
if (before === undefined || after === undefined)
  throw new Error("README.md lacks its marks <!-- results --> and <!-- /results -->.");
const tables = renderTables(JSON.parse(readFileSync(file, "utf8")));
writeFileSync(readme, `${before}<!-- results -->\n${tables}\n<!-- /results -->\n${after}`);
