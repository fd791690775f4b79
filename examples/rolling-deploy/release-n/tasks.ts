import { type Taskmaster, task } from "taskmaster";
import { z } from "zod";
import { sendMail } from "../mailer.ts";

export const confirmUser = task("user.confirm")
  .payload(z.object({ id: z.number(), message: z.string() }))
  // The mail server takes each mail once, by the job's number, so after a crash this may run again.
  .short({ timeLimit: "10s", afterCrash: "retry" }, ({ id, message }, { job }) => sendMail(job.id, [id, message]));

/** What the web process does when somebody signs up. */
export function onSignup(taskmaster: Taskmaster, delay: string) {
  return taskmaster.enqueue(confirmUser, { id: 42, message: "hello!" }, { delay });
}

export const revision = 1;
