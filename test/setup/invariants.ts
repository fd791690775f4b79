import type pg from "pg";

/** What must hold in every database at every moment between two statements. Each query answers with the rows that break its rule. */
const invariants: readonly { readonly rule: string; readonly query: string }[] = [
  {
    rule: "A job is in one place: waiting or running, parked, or succeeded.",
    query: `
      select id, count(*) from (
        select id from taskmaster.job
        union all select id from taskmaster.parked
        union all select unnest(jobs) from taskmaster.succeeded
      ) as everywhere group by id having count(*) > 1`,
  },
  {
    rule: "Every claimed job is covered by a claim of its worker.",
    query: `
      select id, worker from taskmaster.job
      where worker is not null
        and not exists (select from taskmaster.claim where claim.worker = job.worker and job.id = any(claim.jobs))`,
  },
  {
    rule: "A job that is not claimed has not started.",
    query: "select id from taskmaster.job where worker is null and started_at is not null",
  },
  {
    rule: "A claimed job has been delivered.",
    query: "select id from taskmaster.job where worker is not null and deliveries = 0",
  },
  {
    rule: "Failures, crashes, interruptions and deliveries that never came to a start never exceed deliveries.",
    query:
      "select id from taskmaster.job where failures + crashes + interruptions + coalesce(unstarted, 0) > deliveries",
  },
  {
    rule: "Every job has a lane.",
    query: "select id from taskmaster.job where not exists (select from taskmaster.lane where lane.id = job.lane)",
  },
  {
    rule: "Every key belongs to an unfinished or held job.",
    query: `
      select task, key, job_id from taskmaster.unique_key
      where not exists (select from taskmaster.job where job.id = job_id and job.keyed)
        and not exists (select from taskmaster.parked where parked.id = job_id and parked.state = 'held')`,
  },
  {
    rule: "Every keyed job holds its key.",
    query:
      "select id from taskmaster.job where keyed and not exists (select from taskmaster.unique_key where unique_key.job_id = job.id)",
  },
  {
    rule: "A claimed job's worker could read it.",
    query: `
      select job.id, lane.task, lane.min_revision, lane.max_revision from taskmaster.job
      join taskmaster.lane on lane.id = job.lane
      where worker is not null and exists (select from taskmaster.process where process.id = job.worker) and not exists (
        select from taskmaster.process_task as reader
        where reader.process = job.worker and reader.task = lane.task and reader.reads
          and reader.lo <= lane.max_revision and lane.min_revision <= reader.hi)`,
  },
  {
    rule: "Every checkpoint is of a job that has not succeeded.",
    query: `
      select job_id, name from taskmaster.checkpoint
      where not exists (select from taskmaster.job where job.id = job_id)
        and not exists (select from taskmaster.parked where parked.id = job_id)`,
  },
  {
    rule: "Only jobs that have not succeeded wait for events.",
    query: `
      select job_id, event from taskmaster.event_wait
      where not exists (select from taskmaster.job where job.id = job_id)
        and not exists (select from taskmaster.parked where parked.id = job_id)`,
  },
  {
    rule: "A fired tick has its job.",
    query: `
      select schedule, tick from taskmaster.schedule_tick
      where not exists (select from taskmaster.job where job.id = job_id)
        and not exists (select from taskmaster.parked where parked.id = job_id)
        and not exists (select from taskmaster.succeeded where job_id = any(jobs))`,
  },
];

/** The rules that a database breaks, with the first offending row of each. */
export async function brokenInvariants(sql: pg.Pool): Promise<string[]> {
  const broken: string[] = [];
  for (const { rule, query } of invariants) {
    const { rows } = await sql.query(query);
    if (rows.length > 0) broken.push(`${rule} ${rows.length} break it, the first: ${JSON.stringify(rows[0])}`);
  }
  return broken;
}
