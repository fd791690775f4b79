import pc from "picocolors";
import type { Figures } from "./figures.ts";
import type { DemoFleet, Queue } from "./fleet.ts";

/** What one sees: a picture that redraws itself on a terminal, plain lines elsewhere. */
export const titles: Record<Queue, string> = { taskmaster: "Taskmaster", plain: "a plain queue (protection off)" };

export interface Progress {
  readonly fleet: DemoFleet;
  readonly done: number;
  readonly failed: number;
  readonly left: number;
}

export class View {
  readonly #startedAt = performance.now();
  readonly #live = process.stdout.isTTY === true;
  #caption = "";
  #lines = 0;
  #told = "";

  step(caption: string): void {
    this.#caption = caption;
    if (!this.#live) console.log(`${this.#time()}  ${caption}`);
  }

  progress(all: readonly Progress[]): void {
    if (this.#live) this.#draw(all);
    else {
      const line = all
        .map(({ fleet, done, failed, left }) => `${fleet.queue}: ${done} run, ${failed} failed, ${left} left`)
        .join(" | ");
      if (line !== this.#told) console.log(`${this.#time()}    ${line}`);
      this.#told = line;
    }
  }

  #draw(all: readonly Progress[]): void {
    const lines = ["", `${pc.dim(this.#time())}  ${pc.bold(this.#caption)}`, ""];
    for (const { fleet, done, failed, left } of all) {
      const members = [...fleet.members]
        .sort(([a], [b]) => (a < b ? -1 : 1))
        .map(([name, { release, state }]) => {
          const text = `${name} ${release.padEnd(3)}`;
          if (state === "killed") return pc.red(text);
          return state === "up" ? (release === "N" ? pc.cyan(text) : pc.green(text)) : pc.dim(text);
        });
      const counts = `enqueued ${String(fleet.acknowledged.length).padStart(5)}   run ${String(done).padStart(5)}   left ${String(left).padStart(4)}   failed ${String(failed).padStart(4)}`;
      lines.push(
        pc.bold(titles[fleet.queue]),
        `  ${members.join("  ")}`,
        `  ${failed > 0 ? pc.red(counts) : counts}`,
        "",
      );
    }
    process.stdout.write(
      `${this.#lines > 0 ? `\x1b[${this.#lines}A` : ""}${lines.map((line) => `\x1b[2K${line}`).join("\n")}\n`,
    );
    this.#lines = lines.length;
  }

  #time(): string {
    return `${((performance.now() - this.#startedAt) / 1_000).toFixed(1).padStart(5)} s`;
  }
}

const head = [
  "",
  "release",
  "rev",
  "enqueued",
  "run",
  "by other release",
  "retried",
  "failed",
  "held",
  "lost",
  "longest wait",
];

/** The closing table, and the sentence under it. */
export function summary(results: readonly { readonly queue: Queue; readonly figures: readonly Figures[] }[]): string {
  const rows = results.flatMap(({ queue, figures }) =>
    figures.map((each, index) =>
      [
        index === 0 ? titles[queue] : "",
        each.release,
        each.revision,
        each.enqueued,
        each.run,
        each.runByOther,
        each.retried,
        each.failed,
        each.held,
        each.lost,
        `${(each.longestWaitMs / 1_000).toFixed(2)} s`,
      ].map(String),
    ),
  );
  const widths = head.map((title, column) => Math.max(title.length, ...rows.map((row) => row[column]?.length ?? 0)));
  const line = (cells: readonly string[]) =>
    cells
      .map((cell, column) => (column < 2 ? cell.padEnd(widths[column] ?? 0) : cell.padStart(widths[column] ?? 0)))
      .join("  ");
  const sentence = results.map(({ queue, figures }) => {
    const total = (of: keyof Figures) => figures.reduce((sum, each) => sum + Number(each[of]), 0);
    const bad = total("failed") + total("lost") + total("held");
    const text = `${titles[queue]}: ${total("enqueued")} jobs, ${total("run")} run, ${total("retried")} retried, ${total("failed")} failed, ${total("held")} held, ${total("lost")} lost.`;
    return bad > 0 ? pc.red(text) : pc.green(text);
  });
  return ["", pc.dim(line(head)), ...rows.map(line), "", ...sentence, ""].join("\n");
}
