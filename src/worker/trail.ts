import type { Floor } from "../engine/claim.ts";
import type { Instant } from "../engine/instant.ts";

/**
 * How far a worker has come in a lane, and from where its next claim looks.
 *
 * Jobs become visible in the order in which they are committed, which is not that of their places: of two producers the one that wrote first may
 * commit last. So a lane that had less than was asked for is looked at from a little further back: from where this worker was one or two marks
 * ago. Marks are that far apart that hardly any commit takes longer, and that near that what lies between them, dead or claimed, costs a
 * claim next to nothing. Where there is a backlog a job waits anyway, and the claim goes on where the last one ended.
 */
const markEveryMs = 1_000;
const markEveryJobs = 500;

export class Trail {
  #last: Floor | undefined;
  #mark: Floor | undefined;
  #markBefore: Floor | undefined;
  #markedAt = 0;
  #jobsSince = 0;
  #backlogAt: Instant | undefined;

  /** Where to look; undefined: from the lane's beginning. */
  get floor(): Floor | undefined {
    return this.isBacklog ? this.#last : this.#markBefore;
  }

  /** When the last claim was made, where it brought all that it asked for. */
  get backlogAt(): Instant | undefined {
    return this.#backlogAt;
  }

  /** Whether the last claim brought all that it asked for. */
  get isBacklog(): boolean {
    return this.#backlogAt !== undefined;
  }

  /**
   * A claim has brought jobs.
   *
   * @param last the place of the last one in line
   * @param jobs how many
   * @param backlogAt when it was made, where it brought all that it asked for
   */
  advance(last: Floor, jobs: number, backlogAt: Instant | undefined): void {
    const now = performance.now();
    this.#jobsSince += jobs;
    if (this.#last === undefined || now - this.#markedAt >= markEveryMs || this.#jobsSince >= markEveryJobs) {
      const mark = this.#last ?? last;
      this.#markBefore = this.#mark ?? mark;
      this.#mark = mark;
      this.#markedAt = now;
      this.#jobsSince = 0;
    }
    this.#last = last;
    this.#backlogAt = backlogAt;
  }

  /** A claim has brought nothing. */
  stay(): void {
    this.#backlogAt = undefined;
  }
}
