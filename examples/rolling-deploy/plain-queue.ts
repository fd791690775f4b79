import pg from "pg";

/**
 * An ordinary queue in Postgres: it hands every job to any worker, which applies the stored arguments to whatever `perform` its release
 * has. A job that throws is tried three times, a second apart; a job whose worker has died is tried again after five seconds.
 */
export const schema = `
  create table plain_job (
    id bigint generated always as identity primary key, arguments json not null, attempts int not null default 0,
    run_at timestamptz not null default now(), locked_at timestamptz, state text not null default 'waiting', error text
  );
  create index on plain_job (run_at) where state = 'waiting';
`;

const attempts = 3;

export class PlainQueue {
  readonly #pool: pg.Pool;

  constructor(url: string) {
    this.#pool = new pg.Pool({ connectionString: url, max: 5 });
    this.#pool.on("error", () => {});
  }

  async enqueue(args: readonly unknown[], delaySeconds: number): Promise<string> {
    const { rows } = await this.#pool.query(
      "insert into plain_job (arguments, run_at) values ($1, now() + $2 * interval '1 s') returning id::text",
      [JSON.stringify(args), delaySeconds],
    );
    return rows[0].id;
  }

  /** Takes the next job and runs it. Answers false where there is none. */
  async runOne(perform: (job: string, ...args: never[]) => Promise<void>): Promise<boolean> {
    const { rows } = await this.#pool.query(`
      update plain_job set locked_at = now(), attempts = attempts + 1
      where id = (
        select id from plain_job
        where state = 'waiting' and run_at <= now() and (locked_at is null or locked_at < now() - interval '5 s')
        order by run_at limit 1 for update skip locked
      ) returning id::text, arguments, attempts`);
    const [job] = rows;
    if (job === undefined) return false;
    try {
      const given = job.arguments.length;
      const expected = perform.length - 1;
      if (given !== expected) throw new Error(`wrong number of arguments (given ${given}, expected ${expected})`);
      await perform(job.id, ...(job.arguments as never[]));
      await this.#pool.query("update plain_job set state = 'done' where id = $1", [job.id]);
    } catch (error) {
      const state = job.attempts >= attempts ? "failed" : "waiting";
      await this.#pool.query(
        "update plain_job set state = $2, error = $3, locked_at = null, run_at = now() + interval '1 s' where id = $1",
        [job.id, state, String(error)],
      );
    }
    return true;
  }

  async end(): Promise<void> {
    await this.#pool.end();
  }
}
