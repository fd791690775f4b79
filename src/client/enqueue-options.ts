import type { PlacementOptions } from "../contract/enqueue.ts";
import type { Queryable } from "../engine/queryable.ts";

export interface EnqueueOptions extends PlacementOptions {
  /**
   * Writes the job through this connection, inside the transaction that it has open: a `pg` client, or anything with
   * `query(text, values)`. The job exists when the transaction commits.
   */
  readonly within?: Queryable;
}
