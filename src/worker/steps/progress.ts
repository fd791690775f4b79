/** What an attempt tells of itself, for people: it goes along with its worker's heartbeat. */
export interface Told {
  /** From 0 to 1, where the task said so. */
  readonly progress?: number;
  /** Where it is, in the task's words. */
  readonly note?: string;
  /** When it last said something. */
  readonly heard: string;
}

/** Of a note. */
const longestNote = 200;

export class Progress {
  #told: Told | undefined;

  /** What was told last. */
  get told(): Told | undefined {
    return this.#told;
  }

  /** `ctx.heartbeat` */
  readonly heartbeat = (): void => {
    this.#told = { ...this.#told, heard: new Date().toISOString() };
  };

  /** `ctx.progress` */
  readonly progress = (fraction: number, note?: string): void => {
    if (!(typeof fraction === "number" && fraction >= 0 && fraction <= 1))
      throw new RangeError(`ctx.progress(${String(fraction)}): a part of the whole is a number from 0 to 1.`);
    this.#told = {
      progress: fraction,
      ...(note !== undefined && { note: String(note).slice(0, longestNote).toWellFormed() }),
      heard: new Date().toISOString(),
    };
  };
}
