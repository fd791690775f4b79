import type { Contract, Revision } from "../contract/contract.ts";
import type { JsonSchema } from "../contract/json-schema.ts";
import { ContractContradictionError } from "./contract-contradiction.ts";
import type { RunStatement } from "./database.ts";
import { publish } from "./events.ts";
import { sql, statement } from "./statement.ts";

/**
 * The contracts that are registered: what every (task, revision) means, for all releases. A compatible edit is taken over;
 * an edit that contradicts what other releases wrote or read under the same number is refused at the start.
 */

// Registrations take turns, so that two new releases cannot both find nothing there.
const lock = statement("contracts_lock", sql`select pg_advisory_xact_lock(1952543859, 3)`);

const find = statement(
  "contracts_find",
  sql`
  select contract.task, contract.revision, contract.schema, release.name as release
  from taskmaster.contract join taskmaster.release on release.id = contract.release
  where contract.task = any($1::text[])
  `,
);

const put = statement(
  "contracts_put",
  sql`
  insert into taskmaster.contract (task, revision, schema, vendor, release)
  select task, revision, schema, vendor, $1
  from unnest($2::text[], $3::int[], $4::json[], $5::text[]) as told (task, revision, schema, vendor)
  on conflict (task, revision) do update
  set schema = excluded.schema, vendor = excluded.vendor, release = excluded.release, changed_at = now()
  `,
);

interface Registered {
  readonly task: string;
  readonly revision: number;
  /** JSON text. */
  readonly schema: string;
  readonly release: string;
}

/** @throws {ContractContradictionError} */
export async function registerContracts(
  run: RunStatement,
  release: number,
  contracts: readonly Contract[],
): Promise<void> {
  const told = contracts.flatMap((contract) =>
    contract.revisions.map((revision) => ({ task: contract.name, revision })),
  );
  const names = contracts.map(({ name }) => name);
  const unchanged = (found: readonly Registered[]) => {
    const byKey = new Map(found.map((row) => [`${row.task} ${row.revision}`, row]));
    return told.filter(
      ({ task, revision }) => byKey.get(`${task} ${revision.number}`)?.schema !== JSON.stringify(revision.jsonSchema()),
    );
  };
  // The usual start changes nothing, and should not wait for the lock.
  if (unchanged(await run<Registered>(find, [names])).length === 0) return;

  await run(lock);
  const found = await run<Registered>(find, [names]);
  const changed = unchanged(found);
  for (const { task, revision } of changed) {
    const registered = found.find((row) => row.task === task && row.revision === revision.number);
    if (registered) await assertAgrees(task, revision, registered);
  }
  await run(put, [
    release,
    changed.map(({ task }) => task),
    changed.map(({ revision }) => revision.number),
    changed.map(({ revision }) => JSON.stringify(revision.jsonSchema())),
    changed.map(({ revision }) => revision.schema["~standard"].vendor),
  ]);
}

/** @throws {ContractContradictionError} where it is proven that one side refuses what the other may have written */
async function assertAgrees(task: string, revision: Revision, registered: Registered): Promise<void> {
  const { compareSchemas } = await import("../contract/compatibility/compatibility.ts"); // large, and nearly no start needs it
  const comparison = compareSchemas(JSON.parse(registered.schema) as JsonSchema, revision.jsonSchema());
  const proof = [comparison.backward, comparison.forward].find(({ verdict }) => verdict === "no");
  if (proof) {
    const example = {
      path: "",
      message: `${JSON.stringify(proof.witness)} is written by one of them and refused by the other`,
    };
    throw new ContractContradictionError(task, revision.number, registered.release, [
      ...comparison.differences,
      example,
    ]);
  }
  const undecided = comparison.backward.verdict === "unknown" || comparison.forward.verdict === "unknown";
  publish({
    event: "contract.changed",
    task,
    revision: revision.number,
    verdict: undecided ? "unknown" : "compatible",
  });
}
