import type { Database } from "./database.ts";
import { sql, statement } from "./statement.ts";

const window = statement(
  "deploy_window",
  sql`select opened_at as "from", until from taskmaster.deploy_window where deploy = $1`,
);

export interface DeployWindow {
  readonly from: Date;
  readonly until: Date;
}

/** The time in which what fails is put down to a deploy. Undefined where there is no such deploy. */
export async function deployWindow(database: Database, deploy: number): Promise<DeployWindow | undefined> {
  const [found] = await database.query<DeployWindow>(window, [deploy]);
  return found;
}
