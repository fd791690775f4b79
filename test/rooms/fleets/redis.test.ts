import { createServer } from "node:http";
import { describe, expect, onTestFinished, test } from "vitest";
import { RedisConnection } from "../../../src/brokers/redis-connection.ts";
import { brokers, cuttable, hasProgram, orSayWhatIsLeftOut, ownRedis } from "../../setup/brokers.ts";
import { bullScene, bulls } from "../../setup/bullmq.ts";
import { Project } from "../../setup/command-line.ts";
import { hasOpenssl, ownTlsRedis } from "../../setup/tls.ts";
import { until } from "../../setup/until.ts";

const isThere = orSayWhatIsLeftOut(hasProgram("redis-server", "--version"), "Redis", "redis-server is missing");

/** What `deploy prepare` says of an address. */
async function prepare(address: string) {
  const project = new Project("", {});
  const answer = await project.call(["deploy", "prepare", "--timeout", "1s", "--fleet", `bullmq=${address}`]);
  return { code: answer.code, said: answer.stderr };
}

async function send(address: string, ...words: string[]): Promise<unknown> {
  const redis = await RedisConnection.open(address);
  try {
    return await redis.send(...words);
  } finally {
    await redis.close();
  }
}

describe.skipIf(!isThere)("a Redis that says no is told for what it says", () => {
  test("credentials, a database that is not there, rights that are missing", async () => {
    const address = await ownRedis("secret");
    const without = address.replace(":secret@", "");
    await send(address, "ACL", "SETUSER", "reader", "on", ">pass", "~*", "+@read", "+echo", "+select");
    const cases: [string, RegExp][] = [
      [without, /refuses the credentials: NOAUTH/],
      [address.replace("secret", "wrong"), /refuses the credentials: WRONGPASS/],
      [address.replace(/0$/, "99"), /has no database of that number: ERR DB index is out of range/],
      [address.replace(":secret", "reader:pass"), /does not let this user do that: NOPERM/],
    ];
    for (const [asked, told] of cases) {
      const { code, said } = await prepare(asked);
      expect([code, said]).toEqual([1, expect.stringMatching(told)]);
      expect(said).not.toMatch(/:(wrong|secret|pass)@/);
    }
  });

  test("nothing that listens, something else that listens, another scheme", async () => {
    const web = createServer((_, response) => response.end("hello")).listen(0, "127.0.0.1");
    onTestFinished(() => void web.close());
    await until("it listens", () => web.listening);
    const { port } = web.address() as { port: number };
    expect(await prepare("redis://127.0.0.1:1")).toMatchObject({
      code: 1,
      said: expect.stringMatching(/nothing listens/),
    });
    const other = await prepare(`redis://127.0.0.1:${port}`);
    expect(other).toMatchObject({ code: 1, said: expect.stringMatching(/does not speak the protocol of Redis/) });
    const scheme = await prepare("amqp://127.0.0.1");
    expect(scheme).toMatchObject({ code: 2, said: expect.stringMatching(/begins with redis:\/\//) });
  });

  test("a replica takes no writes", async () => {
    const primary = await ownRedis();
    const { port } = new URL(primary);
    const replica = await ownRedis("", "--replicaof", `127.0.0.1 ${port}`);
    await until("it follows", async () =>
      String(await send(replica, "INFO", "replication")).includes("link_status:up"),
    );
    expect(await prepare(replica)).toMatchObject({ code: 1, said: expect.stringMatching(/is a replica/) });
  });
});

describe.each(bulls.filter(({ major }) => major >= 6).slice(0, 1))("BullMQ $version", (bull) => {
  test("a Redis that dies in the middle ends the deploy, and what was closed can be opened", async () => {
    const way = await cuttable(brokers.redis);
    const scene = bullScene(bull);
    const mail = scene.queue("mail");
    scene.worker("mail");
    await mail.add("send", { ms: 60_000 });
    await until("it runs", () => scene.started.length === 1);
    const near = `bullmq=${way.address}?prefix=${scene.prefix}`;
    const prepared = scene.project.call(["deploy", "prepare", "--timeout", "30s", "--fleet", near]);
    await until("it is paused", () => mail.isPaused());
    way.cut();
    const { code, stderr } = await prepared;
    expect([code, stderr]).toEqual([1, expect.stringMatching(/TASKMASTER_BROKER_UNREACHABLE/)]);
    expect(await scene.deploy("abort")).toMatchObject({ code: 0, said: { fleets: [{ wasClosed: true }] } });
    expect(await mail.isPaused()).toBe(false);
  });

  test.skipIf(!hasOpenssl)("over TLS, by a certificate authority of one's own", async () => {
    const { plain, address: withoutPrefix, certificate } = await ownTlsRedis("secret");
    const scene = bullScene(bull, { address: plain });
    const mail = scene.queue("mail");
    await mail.add("send", {});

    const address = `${withoutPrefix}?prefix=${scene.prefix}`;
    expect(await prepare(address)).toMatchObject({
      code: 1,
      said: expect.stringMatching(/signed by nobody whom this machine trusts/),
    });
    expect((await prepare(`${address}&ssl_ca_certs=${certificate}.none`)).said).toMatch(/ssl_ca_certs= cannot be read/);
    expect((await prepare(`${address}&ssl_ca_certs=${certificate}`)).code).toBe(0);
    expect(await mail.isPaused()).toBe(true);
    expect((await scene.deploy("abort")).code).toBe(0);
    expect((await prepare(`${address}&ssl_cert_reqs=none`)).code).toBe(0);
  });

  test("in a cluster, by a prefix in braces", async () => {
    const address = await ownRedis("", "--cluster-enabled", "yes");
    await send(address, "CLUSTER", "ADDSLOTSRANGE", "0", "16383");
    await until("it is one", async () => String(await send(address, "CLUSTER", "INFO")).includes("cluster_state:ok"));
    const scene = bullScene(bull, { address, prefix: "{bull}" });
    const mail = scene.queue("mail");
    const worker = scene.worker("mail", {}, async () => {
      throw new Error("broken");
    });
    await mail.add("send", {});
    await until("it has failed", async () => (await mail.getJobCounts()).failed === 1);
    await worker.close();
    expect((await scene.deploy("prepare", "--timeout", "5s")).code).toBe(0);
    expect((await scene.call("jobs", "retry", "--since", "1h", "--yes")).said.changed).toBe(1);
    expect((await scene.deploy("finish")).code).toBe(0);
    expect(await mail.isPaused()).toBe(false);
  });
});
