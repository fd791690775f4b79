// Compiled, never run: `npm run types` fails where a line below a @ts-expect-error does compile, or another one does not.
import { z } from "zod";
import { task } from "../../src/contract/task.ts";

const first = task("user.confirm").payload(z.object({ id: z.number(), message: z.string() }));

first
  .revise(z.object({ id: z.number(), message: z.string(), date: z.string() }), {
    upgrade: (old) => ({ ...old, date: "2017-12-24" }),
    downgrade: ({ date: _, ...old }) => old,
  })
  .short({ timeLimit: "30s" }, async ({ id, message, date }) => {
    const _: [number, string, string] = [id, message, date];
  });

// @ts-expect-error a revision needs an upgrade
first.revise(z.object({ id: z.string() }), {});
// @ts-expect-error an upgrade of the wrong type
first.revise(z.object({ id: z.string() }), { upgrade: (old) => ({ id: old.id }) });
// @ts-expect-error an upgrade that leaves something out
first.revise(z.object({ id: z.number(), date: z.string() }), { upgrade: (old) => ({ id: old.id }) });
first.revise(z.object({ id: z.string() }), {
  upgrade: (old) => ({ id: String(old.id) }),
  // @ts-expect-error a downgrade of the wrong type
  downgrade: (newer) => ({ id: newer.id, message: "" }),
});
// @ts-expect-error a Date is not JSON
task("dated").payload(z.object({ at: z.date() }));
// @ts-expect-error nor is one in a list
task("dated").payload(z.object({ at: z.array(z.object({ on: z.date() })) }));
task("dated")
  .payload(
    z.object({
      at: z.codec(z.iso.datetime(), z.date(), { decode: (s) => new Date(s), encode: (d) => d.toISOString() }),
    }),
  )
  .short(({ at }) => {
    const _: Date = at;
  });
