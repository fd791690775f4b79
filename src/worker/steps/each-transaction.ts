import { InvalidContractError } from "../../contract/contract.ts";
import type { EachTransactionOptions } from "../../contract/iteration.ts";
import { Cursor, type Place, type Source } from "./cursor.ts";
import type { Records } from "./records.ts";
import { foundAfter, type OpenTransaction, recordWithin } from "./transaction-step.ts";

const batchDefault = 100;

/**
 * Going through items in batches: each batch's effects and the place behind it are one transaction. Where a commit's reply was lost,
 * the record says whether it was carried out, and the next batch follows from there.
 */
export async function eachTransaction(
  records: Records,
  name: string,
  source: Source,
  { batch = batchDefault, schema }: EachTransactionOptions<never>,
  open: OpenTransaction,
  run: (tx: never, items: readonly unknown[]) => unknown,
): Promise<number> {
  if (!(Number.isInteger(batch) && batch >= 1))
    throw new InvalidContractError(`batch of "${name}" is ${batch}: write a whole number from 1 on.`);
  const cursor = new Cursor(records, name, source, schema ?? records.declared(name)?.schema);
  records.assertGoingOn();
  records.name(name, "an iteration");
  let place = await cursor.read(await records.find(name));
  let items = cursor.after(place);
  try {
    while (!place.done) {
      records.assertGoingOn();
      const some = await take(items, batch);
      const next = behind(cursor, place, some, batch);
      try {
        await open(async (tx, runSql) => {
          if (some.length > 0) await run(tx as never, some);
          await recordWithin(records, runSql, await cursor.write(next));
        });
        place = next;
      } catch (error) {
        const found = await foundAfter(records, name, error);
        if (found === undefined || found.seq < next.seq) throw error;
        place = await cursor.read(found);
        await items.return?.();
        items = cursor.after(place);
      }
    }
  } finally {
    await items.return?.();
  }
  return place.items;
}

function behind(cursor: Cursor, place: Place, some: readonly unknown[], batch: number): Place {
  return {
    items: place.items + some.length,
    cursor: some.length > 0 ? cursor.of(some.at(-1)) : place.cursor,
    done: some.length < batch,
    seq: place.seq + 1,
  };
}

async function take(items: AsyncIterator<unknown> | Iterator<unknown>, count: number): Promise<unknown[]> {
  const taken: unknown[] = [];
  while (taken.length < count) {
    const { done, value } = await items.next();
    if (done) break;
    taken.push(value);
  }
  return taken;
}
