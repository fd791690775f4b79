import { expect, test } from "vitest";
import { z } from "zod";
import { task } from "../../../src/contract/task.ts";
import { lastReaderOf } from "../../../src/engine/backlog.ts";
import { markStopped, markStopping } from "../../../src/engine/registry.ts";
import { testDatabase } from "../../setup/database.ts";
import { enqueue, register } from "./cast.ts";

const run = () => {};
const first = task("mail").payload(z.object({ n: z.number() }));
const second = first.revise(z.object({ n: z.number(), to: z.string() }), { upgrade: (old) => ({ ...old, to: "" }) });
const onlySecond = task("mail").payload(z.object({ n: z.number(), to: z.string() }), { revision: 2 });

test("a process is told what would be stranded without it: lanes with jobs that no other live process reads", async () => {
  const { database, sql } = await testDatabase();
  const old = await register(database, { tasks: [first.short(run)], release: "r1" });
  const other = task("other").payload(z.object({ n: z.number() }));
  await enqueue(database, first, 3);
  await enqueue(database, other.short(run), 2);
  const stranded = [{ task: "mail", revision: 1, jobs: 3 }];
  expect(await lastReaderOf(database, old.id)).toEqual(stranded);

  // A producer that knows the task does not run it, a worker of a later start of the chain cannot read it.
  await register(database, { tasks: [first.short(run)], role: "producer" });
  await register(database, { tasks: [onlySecond.short(run)], release: "r2" });
  await register(database, { tasks: [first.short(run)], queues: ["elsewhere"] });
  expect(await lastReaderOf(database, old.id)).toEqual(stranded);

  const reader = await register(database, { tasks: [second.short(run)], release: "r3" });
  expect(await lastReaderOf(database, old.id)).toEqual([]);
  expect(await lastReaderOf(database, reader.id)).toEqual([]);

  // A reader that is stopping, or whose lease has ended, is none.
  await markStopping(database, reader.id);
  expect(await lastReaderOf(database, old.id)).toEqual(stranded);
  await markStopped(database, reader.id);
  const late = await register(database, { tasks: [second.short(run)], release: "r3" });
  await sql.query("update taskmaster.process set lease_until = now() - interval '1 s' where id = $1", [late.id]);
  expect(await lastReaderOf(database, old.id)).toEqual(stranded);
});

test("jobs are counted up to a thousand: it is a warning, and must not cost a scan of a large backlog", async () => {
  const { database } = await testDatabase();
  const old = await register(database, { tasks: [first.short(run)] });
  await enqueue(database, first, 1_200);
  expect(await lastReaderOf(database, old.id)).toEqual([{ task: "mail", revision: 1, jobs: 1_000 }]);
});
