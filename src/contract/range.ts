/**
 * The range rule: which jobs a worker may claim, and as what it reads them.
 *
 * A worker reads the revisions `[lo, hi]` of a task: hi is its current one, lo the oldest it can upgrade from. A job
 * carries the renditions `[min, max]`: max is its producer's revision, min the oldest that its downgrades reach.
 * The worker may claim the job exactly when the two ranges overlap, takes the rendition at `min(hi, max)`, and
 * upgrades it to hi.
 *
 * The claim applies the same rule in SQL, once per lane (engine/lanes.ts); a test holds the two against each other.
 */

/** Revisions that a worker can read. */
export interface Readable {
  /** The oldest revision that its upgrades start from. */
  readonly lo: number;
  /** Its current revision. */
  readonly hi: number;
}

/** Revisions in which a job's payload is stored. */
export interface Renditions {
  /** The oldest revision that the producer's downgrades reached. */
  readonly min: number;
  /** The producer's own revision. */
  readonly max: number;
}

/** Whether a worker can read a job. */
export function canRead(readable: Readable, renditions: Renditions): boolean {
  return readable.lo <= renditions.max && renditions.min <= readable.hi;
}

/** The revision in which the worker takes the job's payload, or undefined where it cannot read the job. */
export function renditionFor(readable: Readable, renditions: Renditions): number | undefined {
  return canRead(readable, renditions) ? Math.min(readable.hi, renditions.max) : undefined;
}
