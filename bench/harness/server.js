/**
 * The Postgres that is measured on: the user's, a local one, or an embedded one.
 * @param {{ local: boolean }} options
 * @returns {Promise<{ url: string, which: string, close(): Promise<void> }>}
 */
export async function openServer({ local }) {
  const close = async () => {};
  const given = process.env.DATABASE_URL;
  if (given !== undefined && given !== "") return { url: given, which: "DATABASE_URL", close };
  if (local || process.env.BENCH_LOCAL === "1")
    return { url: "postgres://postgres@127.0.0.1:5432/postgres", which: "127.0.0.1:5432", close };
  // not part of what the package exports: a worker opens it by itself, this program has to do so before it
  const { openEmbedded } = await import(new URL("../../dist/embedded/embedded.js", import.meta.url).href);
  const folder = new URL("../.taskmaster", import.meta.url).pathname;
  const embedded = await openEmbedded({ folder, onProgress: (/** @type {string} */ line) => console.error(line) });
  return { url: embedded.url, which: `embedded Postgres ${embedded.version}`, close: () => embedded.leave() };
}
