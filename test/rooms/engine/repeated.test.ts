import { expect, test } from "vitest";
import type { Database } from "../../../src/engine/database.ts";
import { enqueueJobs, enqueueKeyedJobs, type KeyedJob, type NewJob } from "../../../src/engine/enqueue.ts";
import { parkJobs, succeedJobs } from "../../../src/engine/settle.ts";
import type { Statement } from "../../../src/engine/statement.ts";
import { type TestDatabase, testDatabase } from "../../setup/database.ts";
import { until } from "../../setup/until.ts";
import { newJobs, type Process, register, short, success } from "./cast.ts";
import { Stepped } from "./stepped.ts";

/**
 * The reply to an enqueue is lost after the commit; it is repeated, and whatever has become of its jobs meanwhile, none of them is there
 * twice and none is lost.
 */

/** Loses the reply of the first statement that writes, and lets something happen before the next try. */
class LosingReplies extends Stepped {
  readonly #meanwhile: () => Promise<void>;
  #lost = false;

  constructor(url: string, meanwhile: () => Promise<void>) {
    super(url);
    this.#meanwhile = meanwhile;
  }

  override async query<Row>(statement: Statement, values: readonly unknown[] = []): Promise<Row[]> {
    const rows = await super.query<Row>(statement, values);
    return this.#lose(rows, /enqueue/.test(statement.name));
  }

  override async copy(text: string, rows: string): Promise<void> {
    return this.#lose(await super.copy(text, rows), true);
  }

  override async transaction<T>(work: Parameters<Database["transaction"]>[0]): Promise<T> {
    return this.#lose((await super.transaction(work)) as T, true);
  }

  async #lose<T>(reply: T, writes: boolean): Promise<T> {
    if (!writes || this.#lost) return reply;
    this.#lost = true;
    await this.#meanwhile();
    throw Object.assign(new Error("Connection terminated unexpectedly"), { code: "ECONNRESET" });
  }
}

type Meanwhile = (place: TestDatabase, worker: Process) => Promise<void>;

/** What may become of some of the jobs before their enqueue is repeated. */
const fates: Record<string, Meanwhile> = {
  "wait still": async () => {},
  "are claimed": async (_, worker) => {
    await worker.claim({ quota: 2 });
  },
  "have succeeded": async ({ database }, worker) => {
    const jobs = await worker.claim({ quota: 2 });
    await succeedJobs(database, worker.id, jobs.map(success), [worker.batch]);
  },
  "have failed": async ({ database }, worker) => {
    const jobs = await worker.claim({ quota: 2 });
    await parkJobs(
      database,
      worker.id,
      jobs.map((job) => ({ ...job, state: "failed", reason: "x", detail: "" })),
    );
  },
  "are held": async ({ database }, worker) => {
    const jobs = await worker.claim({ quota: 2 });
    await parkJobs(
      database,
      worker.id,
      jobs.map((job) => ({ ...job, state: "held", reason: "x", detail: "" })),
    );
  },
};

async function everywhere({ sql }: TestDatabase): Promise<string[]> {
  const { rows } = await sql.query<{ id: string }>(
    "select id::text from (select id from taskmaster.job union all select id from taskmaster.parked union all select unnest(jobs) from taskmaster.succeeded) as found order by found.id",
  );
  return rows.map(({ id }) => id);
}

const three = (place: TestDatabase) => newJobs(place.database, short, [{ n: 1 }, { n: 2 }, { n: 3 }]);
const ids = (jobs: readonly NewJob[]) => jobs.map(({ id }) => id);
const patience = { forMs: 5_000, notify: false };

test.each(Object.entries(fates))(
  "repeated while its jobs %s, an enqueue neither doubles nor loses one",
  async (_, meanwhile) => {
    const place = await testDatabase();
    const worker = await register(place.database);
    const jobs = await three(place);
    await enqueueJobs(new LosingReplies(place.url, () => meanwhile(place, worker)), jobs, patience);
    expect(await everywhere(place)).toEqual(ids(jobs));
  },
);

test.each(Object.entries(fates))(
  "the same with a batch so large that it is copied, while its jobs %s",
  async (_, meanwhile) => {
    const place = await testDatabase();
    const worker = await register(place.database);
    const many = Array.from({ length: 500 }, (_, n) => ({ n }));
    const jobs = await newJobs(place.database, short, many);
    await enqueueJobs(new LosingReplies(place.url, () => meanwhile(place, worker)), jobs, patience);
    expect(await everywhere(place)).toEqual(ids(jobs));
  },
);

test.each(Object.entries(fates))("the same with keys, while its jobs %s", async (_, meanwhile) => {
  const place = await testDatabase();
  const worker = await register(place.database);
  const jobs: KeyedJob[] = (await three(place)).map((job, index) => ({ ...job, task: "short", key: `${index}` }));
  const outcomes = await enqueueKeyedJobs(new LosingReplies(place.url, () => meanwhile(place, worker)), jobs, {
    forMs: 5_000,
  });
  expect(outcomes).toEqual(ids(jobs).map((id) => ({ id, duplicate: false })));
  expect(await everywhere(place)).toEqual(ids(jobs));
});

test("a first try that never arrived is made good by the second", async () => {
  const place = await testDatabase();
  const jobs = await three(place);
  let tries = 0;
  class Failing extends Stepped {
    override async query<Row>(statement: Statement, values: readonly unknown[] = []): Promise<Row[]> {
      if (tries++ === 0) throw Object.assign(new Error("read ECONNRESET"), { code: "ECONNRESET" });
      return super.query<Row>(statement, values);
    }
    override async transaction<T>(work: Parameters<Database["transaction"]>[0]): Promise<T> {
      if (tries++ === 0) throw Object.assign(new Error("read ECONNRESET"), { code: "ECONNRESET" });
      return (await super.transaction(work)) as T;
    }
  }
  await enqueueJobs(new Failing(place.url), jobs, patience);
  expect(await everywhere(place)).toEqual(ids(jobs));
  expect(tries).toBeGreaterThan(1);
});

test.each(["succeed", "park"] as const)(
  "a job that is about to %s while its enqueue is repeated is not written again",
  async (how) => {
    const place = await testDatabase();
    const worker = await register(place.database);
    const [job] = await newJobs(place.database, short, [{ n: 1 }]);
    if (job === undefined) throw new Error("One was to be made.");
    const settling = new Stepped(place.url);
    const losing = new LosingReplies(place.url, async () => {
      // Its settlement is written, and not committed when the repetition looks for the job.
      const [claimed] = await worker.claim();
      if (claimed === undefined) throw new Error("It was to be claimed.");
      await settling.begin();
      if (how === "succeed") await succeedJobs(settling, worker.id, [success(claimed)], [worker.batch]);
      else await parkJobs(settling, worker.id, [{ ...claimed, state: "failed", reason: "x", detail: "" }]);
    });
    const repeating = enqueueJobs(losing, [job], patience);
    await until("the repetition waits for the settlement", async () => {
      const waiting =
        "select from pg_locks join pg_stat_activity using (pid) where not granted and datname = current_database()";
      return ((await place.sql.query(waiting)).rowCount ?? 0) > 0;
    });
    await settling.commit();
    await repeating;
    expect(await everywhere(place)).toEqual([job.id]);
  },
);
