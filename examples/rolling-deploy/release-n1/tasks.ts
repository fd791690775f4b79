import { type Taskmaster, task } from "taskmaster";
import { z } from "zod";
import { sendMail } from "../mailer.ts";

export const confirmUser = task("user.confirm")
  .payload(z.object({ id: z.number(), message: z.string() }))
  .revise(z.object({ id: z.number(), message: z.string(), date: z.string() }), {
    upgrade: (older) => ({ ...older, date: "2017-12-24" }),
    downgrade: ({ date: _, ...older }) => older,
  })
  .short({ timeLimit: "10s", afterCrash: "retry" }, ({ id, message, date }, { job }) =>
    sendMail(job.id, [id, message, date]),
  );

/** What the web process does when somebody signs up. */
export function onSignup(taskmaster: Taskmaster, delay: string) {
  return taskmaster.enqueue(confirmUser, { id: 42, message: "Hello!", date: "2017-12-24" }, { delay });
}

export const revision = 2;
