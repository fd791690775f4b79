import { setTimeout as pause } from "node:timers/promises";
import pg from "pg";

/** Stands for a mail server: it takes 20 to 60 ms, takes each mail once, and its book is what the demonstration counts. */
const book = new pg.Pool({ connectionString: process.env.DEMO_DATABASE, max: 5 });
book.on("error", () => {});

export async function sendMail(job: string, mail: readonly (string | number)[]): Promise<void> {
  await pause(20 + Math.random() * 40);
  await book.query(
    "insert into mail (queue, job, release, mail) values ($1, $2, $3, $4) on conflict (queue, job) do nothing",
    [process.env.DEMO_QUEUE, job, process.env.DEMO_RELEASE, JSON.stringify(mail)],
  );
}
