import { sendMail } from "../mailer.ts";

/** The same job on a plain queue: the arguments are stored as they are passed. */
export const perform = (job: string, id: number, message: string) => sendMail(job, [id, message]);
export const argumentsOf = () => [42, "hello!"];
export const revision = 1;
