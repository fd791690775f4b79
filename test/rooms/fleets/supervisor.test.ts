import { execFileSync, spawn } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { expect, onTestFinished, test } from "vitest";
import { brokers, hasProgram, listens, orSayWhatIsLeftOut } from "../../setup/brokers.ts";
import { CeleryApp, hasCelery } from "../../setup/celery.ts";
import { Project } from "../../setup/command-line.ts";
import { until } from "../../setup/until.ts";

const isThere = orSayWhatIsLeftOut(
  hasCelery() && hasProgram("supervisord", "--version") && (await listens(brokers.amqp)),
  "Supervisor with Celery",
  "supervisor, python3-celery or RabbitMQ is missing",
);

test.skipIf(!isThere)(
  "docs/deploying/supervisor.md: prepare, stop all, migrate, start all, finish, and no task is lost",
  async () => {
    const app = new CeleryApp(brokers.amqp);
    const { folder, env } = app.setting;
    const home = mkdtempSync("/tmp/tmsv-"); // a socket's path must be short
    onTestFinished(() => rmSync(home, { recursive: true, force: true, maxRetries: 5 }));
    const environment = ["BROKER", "SPACE", "TRACE"].map((name) => `${name}="${env[name]}"`).join(",");
    const queues = `${app.space}-main,${app.space}-mail`;
    const config = join(home, "supervisord.conf");
    writeFileSync(
      config,
      `[supervisord]
nodaemon=true
logfile=${home}/log
pidfile=${home}/pid
[unix_http_server]
file=${home}/sock
[rpcinterface:supervisor]
supervisor.rpcinterface_factory = supervisor.rpcinterface:make_main_rpcinterface
[supervisorctl]
serverurl=unix://${home}/sock
[program:celery]
command=/usr/bin/python3 -m celery -A tasks worker -n w1@here -c 2 -Q ${queues}
directory=${folder}
environment=${environment}
stopsignal=TERM
stopasgroup=false
stopwaitsecs=3
killasgroup=true
autorestart=true
`,
    );
    const supervisor = spawn("supervisord", ["-c", config], { stdio: "ignore" });
    const control = (...args: string[]) =>
      execFileSync("supervisorctl", ["-c", config, ...args], { encoding: "utf8", timeout: 60_000 });
    onTestFinished(async () => {
      supervisor.kill("SIGTERM");
      await new Promise((resolve) => supervisor.once("exit", resolve));
    });
    await until("the worker consumes", () => Object.keys(app.activeQueues() as object).length === 1, { forMs: 60_000 });
    const before = app.activeQueues();
    app.python("rebuild.delay(1, 300)\nfor n in range(12): charge.delay(n, 0.5)");
    await until("they run", () => app.trace().length > 2);

    const project = new Project("", {});
    const deploy = (verb: string) => project.call(["deploy", verb, "--fleet", app.fleet, "--json"]);
    expect((await deploy("prepare")).code).toBe(0);
    const running =
      app.trace().filter(({ event }) => event === "start").length -
      app.trace().filter(({ event }) => event === "end").length;
    expect(running).toBeLessThanOrEqual(1); // the interruptible one
    control("stop", "all");
    const stopped = app.trace().length;
    await new Promise((resolve) => setTimeout(resolve, 1_000)); // "migrate": nothing may run
    expect(app.trace()).toHaveLength(stopped);
    control("start", "all");
    await until("it consumes again", () => Object.keys(app.activeQueues() as object).length === 1, { forMs: 60_000 });
    expect((await deploy("finish")).code).toBe(0);
    expect(app.activeQueues()).toEqual(before);
    const count = (what: string, of: string) =>
      app.trace().filter(({ event, task }) => event === what && task === of).length;
    await until("all have run", () => count("end", "bill.charge") === 12);
    await until("what was interrupted runs again", () => count("start", "index.rebuild") === 2);
  },
  180_000,
);
