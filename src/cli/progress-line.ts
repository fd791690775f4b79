import { formatMilliseconds } from "../contract/duration.ts";

/** A line on a terminal's standard error that says how far something has come; nothing where there is no terminal. */
export class ProgressLine {
  readonly #what: string;
  readonly #began = Date.now();
  #drawn = 0;

  constructor(what: string) {
    this.#what = what;
  }

  draw(done: number, total: number): void {
    const now = Date.now();
    if (!process.stderr.isTTY || now - this.#drawn < 100) return;
    this.#drawn = now;
    const share = total > 0 ? Math.min(1, done / total) : 1;
    const width = 24;
    const filled = Math.round(share * width);
    const left = share > 0.01 ? formatMilliseconds(((now - this.#began) * (1 - share)) / share) : "";
    const counts = `${done.toLocaleString("en")} of ${total.toLocaleString("en")} ${this.#what}`;
    const bar = `${"█".repeat(filled)}${"░".repeat(width - filled)}`;
    process.stderr.write(
      `\r\x1b[2K${bar} ${Math.floor(share * 100)} %  ${counts}${left && share < 1 ? `, ${left} left` : ""}`,
    );
  }

  clear(): void {
    if (process.stderr.isTTY && this.#drawn > 0) process.stderr.write("\r\x1b[2K");
  }
}
