import type { ResumableSource } from "../../contract/iteration.ts";
import type { PlainSql } from "../../contract/step.ts";

export interface KeysetOptions<Row> {
  /** The parameters that stand before every row: one, or one for each column of the key. */
  readonly start: unknown;
  /** A row's key, as the query takes it: JSON, so select a timestamp as text, which also keeps its microseconds. */
  readonly key: (row: Row) => unknown;
  /** Rows of one query. Default 1,000. */
  readonly page?: number;
}

/**
 * The rows of a query, a page at a time, by their key: what is added or deleted meanwhile shifts nothing, and the last page costs
 * what the first does.
 *
 * @param client a pool of `pg`, or anything with `query(text, values)`
 * @param text takes the key's columns as its first parameters and the page's size as its last, and is ordered by the key
 *
 * @example
 * const users = keyset<User>(pool, "select id, email from users where id > $1 order by id limit $2", {
 *   start: 0,
 *   key: (user) => user.id,
 * });
 * for await (const user of ctx.each("mail", users)) await mail(user.email);
 *
 * @example
 * keyset<Visit>(pool, "select day::text, id from visits where (day, id) > ($1, $2) order by day, id limit $3", {
 *   start: ["-infinity", 0],
 *   key: ({ day, id }) => [day, id],
 * });
 */
export function keyset<Row>(
  client: PlainSql,
  text: string,
  { start, key, page = 1_000 }: KeysetOptions<Row>,
): ResumableSource<Row, unknown> {
  async function* pages(cursor?: unknown): AsyncGenerator<Row[]> {
    for (let place = cursor ?? start; ; ) {
      const values = Array.isArray(place) ? place : [place];
      const { rows } = await client.query(text, [...values, page]);
      yield rows as Row[];
      const last = rows.at(-1) as Row | undefined;
      if (last === undefined || rows.length < page) return;
      place = key(last);
    }
  }
  return {
    cursorOf: key,
    pages,
    async *after(cursor) {
      for await (const rows of pages(cursor)) yield* rows;
    },
  };
}
