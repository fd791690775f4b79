import fc from "fast-check";
import { expect, test } from "vitest";
import type { Attempt } from "../../../src/worker/attempt.ts";
import { Slots } from "../../../src/worker/slots.ts";

const attempt = (id: string) => ({ job: { id }, slot: -1 }) as unknown as Attempt;

test("holds what was added and not taken out, also two attempts of one job, whatever is taken out twice", () => {
  const step = fc.record({ add: fc.boolean(), which: fc.nat(), id: fc.constantFrom("1", "2", "3", "4") });
  fc.assert(
    fc.property(fc.array(step, { maxLength: 60 }), (steps) => {
      const slots = new Slots();
      const all: Attempt[] = [];
      const held = new Set<Attempt>();
      for (const { add, which, id } of steps) {
        if (add) {
          const one = attempt(id);
          all.push(one);
          held.add(one);
          slots.add(one);
        } else if (all.length > 0) {
          const one = all[which % all.length] as Attempt; // perhaps one that is gone
          held.delete(one);
          slots.delete(one);
        }
        expect(new Set(slots)).toEqual(held);
        expect(slots.size).toBe(held.size);
      }
    }),
  );
});
