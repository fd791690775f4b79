import { expect, test } from "vitest";
import { Gatherer } from "../../../src/engine/gather.ts";

test("what is added in the very turn in which the last batch was told is sent", async () => {
  const sent: number[][] = [];
  const gatherer = new Gatherer<number>(async (items) => void sent.push([...items]), 10);
  await gatherer.add(1).then(() => gatherer.add(2));
  expect(sent).toEqual([[1], [2]]);
});
