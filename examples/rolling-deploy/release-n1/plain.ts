import { sendMail } from "../mailer.ts";

/** The same job on a plain queue: the arguments are stored as they are passed. */
export const perform = (job: string, id: number, message: string, date: string) => sendMail(job, [id, message, date]);
export const argumentsOf = () => [42, "Hello!", "2017-12-24"];
export const revision = 2;
