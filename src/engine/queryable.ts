/** Whatever can run SQL: a `pg` client in a transaction of the caller's, or an adapter over another library's. */
export interface Queryable {
  query(text: string, values: unknown[]): Promise<{ rows: unknown[] }>;
}
