// @ts-check
// A process of its own that opens an embedded Postgres: `node member.mjs <embedded.ts> [folder]`, told what to do by lines.
import { createInterface } from "node:readline";
import { createJiti } from "jiti";

const [source = "", folder] = process.argv.slice(2);
/** @param {object} news */
const tell = (news) => process.stdout.write(`${JSON.stringify(news)}\n`);
/** @type {typeof import("../../../src/embedded/embedded.ts")} */
const { openEmbedded } = await createJiti(import.meta.url).import(source);
try {
  const database = await openEmbedded({ ...(folder && { folder }), onProgress: (line) => tell({ progress: line }) });
  tell({ opened: { ...database } });
  for await (const line of createInterface({ input: process.stdin })) {
    if (line === "forget") break;
    await database.leave();
    tell({ left: true });
  }
} catch (error) {
  const { code, message } = /** @type {NodeJS.ErrnoException} */ (error);
  tell({ refused: { code, message } });
}
process.stdin.destroy();
