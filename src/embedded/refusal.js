// @ts-check

/**
 * What the supervisor says when it cannot go on. It crosses the socket as JSON and becomes the typed error of
 * `error.ts` in the process that asked: the supervisor runs as plain JavaScript and cannot load that file.
 */
export class Refusal extends Error {
  /**
   * @param {"FOLDER" | "VERSION" | "START" | "PLATFORM" | "ELSEWHERE"} kind which error class it becomes
   * @param {string} message what happened and what to do
   * @param {Record<string, string>} [fields] the fields of that class
   */
  constructor(kind, message, fields = {}) {
    super(message);
    this.kind = kind;
    this.fields = fields;
  }
}

const folderCodes = new Set(["EACCES", "EPERM", "EROFS", "ENOSPC", "EDQUOT", "ENOTDIR", "EEXIST"]);

/**
 * Any error as a refusal: what the operating system says about a file is about the folder, the rest about the start.
 *
 * @param {unknown} error
 * @param {string} folder
 * @returns {Refusal}
 */
export function refusalOf(error, folder) {
  if (error instanceof Refusal) return error;
  const { code, message } = /** @type {NodeJS.ErrnoException} */ (
    error instanceof Error ? error : new Error(`${error}`)
  );
  if (!folderCodes.has(code ?? "")) {
    return new Refusal("START", `The embedded Postgres in ${folder} did not start: ${message}`, { folder, output: "" });
  }
  const advice =
    code === "ENOSPC" || code === "EDQUOT"
      ? "Make room on that disk"
      : "Make the folder writable for this user, or open another folder";
  return new Refusal(
    "FOLDER",
    `The embedded Postgres keeps its data in ${folder}, which cannot be used: ${message}. ${advice}, or set DATABASE_URL to a Postgres of your own.`,
    { folder },
  );
}
