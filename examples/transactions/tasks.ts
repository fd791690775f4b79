import { task } from "taskmaster";
import { z } from "zod";

export const sendReceipt = task("order.receipt")
  .payload(z.object({ order: z.number() }))
  .short(async ({ order }) => console.log(`A receipt for order ${order}.`));
