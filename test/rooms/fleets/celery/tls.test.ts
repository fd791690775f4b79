import { expect, test } from "vitest";
import { hasProgram, orSayWhatIsLeftOut } from "../../../setup/brokers.ts";
import { CeleryApp, hasCelery } from "../../../setup/celery.ts";
import { Project } from "../../../setup/command-line.ts";
import { hasOpenssl, ownTlsRedis } from "../../../setup/tls.ts";
import { until } from "../../../setup/until.ts";

const isThere = orSayWhatIsLeftOut(
  hasCelery() && hasOpenssl && hasProgram("redis-server", "--version"),
  "Celery over TLS",
  "python3-celery, python3-redis, openssl or redis-server is missing",
);

test.skipIf(!isThere)("a Celery worker over TLS, by the very address that its app has", async () => {
  const { address, certificate } = await ownTlsRedis("secret");
  const app = new CeleryApp(`${address}?ssl_cert_reqs=required&ssl_ca_certs=${certificate}`);
  await app.worker("w1@here", ["-c", "1"]);
  const before = app.activeQueues();
  app.python("rebuild.delay(1, 300)");
  await until("it runs", () => app.trace().length === 1);
  const project = new Project("", {});
  const deploy = (...args: string[]) => project.call(["deploy", ...args, "--fleet", app.fleet]);
  expect(await deploy("prepare", "--timeout", "60s")).toMatchObject({
    code: 0,
    stdout: expect.stringMatching(/^Safe/),
  });
  expect((await deploy("finish")).code).toBe(0);
  expect(app.activeQueues()).toEqual(before);
});
