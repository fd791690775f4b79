import { test } from "vitest";
import { brokers, listens, orSayWhatIsLeftOut } from "../../../setup/brokers.ts";
import { CeleryApp, hasCelery } from "../../../setup/celery.ts";
import { Project } from "../../../setup/command-line.ts";

export type Kind = "amqp" | "redis";

/** A test that runs where Celery and the broker are there. */
export async function runOn(kind: Kind): Promise<typeof test.skip> {
  const isThere = hasCelery() && (await listens(brokers[kind]));
  return test.skipIf(
    !orSayWhatIsLeftOut(isThere, `Celery over ${kind}`, "python3-celery, python3-redis or the broker is missing"),
  );
}

/** An app of this test's own, and a deployer's machine. */
export function scene(kind: Kind) {
  const app = new CeleryApp(brokers[kind]);
  const project = new Project("", {});
  const deployAt = async (parameters: string, verb: string, ...args: string[]) => {
    const answer = await project.call(["deploy", verb, "--fleet", `${app.fleet}${parameters}`, "--json", ...args]);
    const text = answer.stdout || (answer.stderr.trim().split("\n").at(-1) ?? "");
    return { code: answer.code, said: JSON.parse(text), stderr: answer.stderr };
  };
  const deploy = (verb: string, ...args: string[]) => deployAt("", verb, ...args);
  return { app, project, deploy, deployAt };
}
