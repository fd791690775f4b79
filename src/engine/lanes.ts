import type { Priority } from "../contract/contract.ts";
import { canRead, type Readable, renditionFor } from "../contract/range.ts";
import type { Database } from "./database.ts";
import { sql, statement } from "./statement.ts";

/**
 * Lanes: the distinct (queue, task, renditions, priority) that jobs have. Their number is that of the contracts, not of the
 * jobs; the range rule is applied to lanes, here, and a claim only names the lanes that it may take from.
 */
export interface Lane {
  readonly id: number;
  readonly queue: string;
  readonly task: string;
  readonly min: number;
  readonly max: number;
  readonly priority: Priority;
}

/** Smaller is claimed first. */
const ranks: Record<Priority, number> = { high: 0, normal: 1, low: 2 };
const priorities: readonly Priority[] = ["high", "normal", "low"];

export function rankOf(priority: Priority): number {
  return ranks[priority];
}

function priorityOf(rank: number): Priority {
  return priorities[rank] ?? "normal";
}

const find = statement(
  "lane_find",
  sql`
  select id from taskmaster.lane
  where queue = $1 and task = $2 and min_revision = $3 and max_revision = $4 and priority = $5
  `,
);

// Committed by itself, before any job of the lane: a worker that learns of the job can always read its lane.
const add = statement(
  "lane_add",
  sql`
  insert into taskmaster.lane (queue, task, min_revision, max_revision, priority)
  values ($1, $2, $3, $4, $5)
  on conflict do nothing
  returning id
  `,
);

const list = statement(
  "lane_list",
  sql`
  select id, queue, task, min_revision as min, max_revision as max, priority as rank
  from taskmaster.lane
  order by id
  `,
);

/** The producer's side: finds or adds lanes, and remembers them. */
export class LaneBook {
  readonly #database: Database;
  readonly #ids = new Map<string, number | Promise<number>>();

  constructor(database: Database) {
    this.#database = database;
  }

  /** The number of a lane; answered at once where this process has used it before. */
  idOf(lane: Omit<Lane, "id">): number | Promise<number> {
    const key = `${lane.queue} ${lane.task} ${lane.min} ${lane.max} ${lane.priority}`;
    const known = this.#ids.get(key);
    if (known !== undefined) return known;
    const pending = this.#findOrAdd(lane).then(
      (id) => {
        this.#ids.set(key, id);
        return id;
      },
      (error: unknown) => {
        this.#ids.delete(key);
        throw error;
      },
    );
    this.#ids.set(key, pending);
    return pending;
  }

  async #findOrAdd(lane: Omit<Lane, "id">): Promise<number> {
    const values = [lane.queue, lane.task, lane.min, lane.max, rankOf(lane.priority)];
    const options = { during: `looking up the lane of ${lane.task}`, forMs: 30_000 };
    for (;;) {
      const [found] = await this.#database.again<{ id: number }>(find, values, options);
      if (found) return found.id;
      const [added] = await this.#database.again<{ id: number }>(add, values, options);
      if (added) return added.id; // else somebody else has added it meanwhile
    }
  }
}

export async function listLanes(database: Database): Promise<Lane[]> {
  const rows = await database.query<Omit<Lane, "priority"> & { rank: number }>(list);
  return rows.map(({ rank, ...lane }) => ({ ...lane, priority: priorityOf(rank) }));
}

/** A lane that this worker may claim from, and as what it will read its jobs. */
export interface ReadableLane extends Lane {
  readonly rendition: number;
}

/**
 * The lanes that a worker can read, by the range rule.
 *
 * @param queues those that it works on; null for all
 * @param reads what it reads under a job's task name
 */
export function readableLanes(
  lanes: readonly Lane[],
  queues: readonly string[] | null,
  reads: (task: string) => Readable | undefined,
): ReadableLane[] {
  return lanes.flatMap((lane) => {
    const range = queues === null || queues.includes(lane.queue) ? reads(lane.task) : undefined;
    const rendition = range && canRead(range, lane) ? renditionFor(range, lane) : undefined;
    return rendition === undefined ? [] : [{ ...lane, rendition }];
  });
}
