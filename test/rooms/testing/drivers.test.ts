import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { type InterruptibleContext, task } from "taskmaster";
import { interruptAnywhere, UnsafeTaskError } from "taskmaster/testing";
import { describe, expect, onTestFinished, test } from "vitest";
import { z } from "zod";
import { hasProgram, orSayWhatIsLeftOut, ownRedis } from "../../setup/brokers.ts";
import { testDatabase } from "../../setup/database.ts";

/** Drivers that are not dependencies of ours: proved where they are installed. */
const [ioredis, redis, undici] = await Promise.all(
  ["ioredis", "redis", "undici"].map((name) =>
    import(/* @vite-ignore */ name).then(
      (module: Record<string, never>) => module,
      () => undefined,
    ),
  ),
);

async function prover(snapshot: () => unknown, reset: () => unknown) {
  const { url } = await testDatabase();
  return (run: (ctx: InterruptibleContext) => unknown) =>
    interruptAnywhere(
      task("drivers.task")
        .payload(z.object({}))
        .interruptible((_, ctx) => run(ctx)),
      {},
      { database: url, snapshot, reset },
    );
}

interface RedisClient {
  incr(key: string): Promise<unknown>;
  set(key: string, value: string): Promise<unknown>;
  get(key: string): Promise<unknown>;
  multi(): { incr(key: string): { set(key: string, value: string): { exec(): Promise<unknown> } } };
  quit(): Promise<unknown>;
}

describe.each([
  [
    "ioredis",
    ioredis,
    (url: string) => new (ioredis as unknown as { Redis: new (url: string) => RedisClient }).Redis(url),
  ],
  [
    "redis",
    redis,
    async (url: string) => {
      const make = redis as unknown as { createClient(options: { url: string }): RedisClient & { connect(): unknown } };
      const client = make.createClient({ url });
      await client.connect();
      return client;
    },
  ],
])("commands by the driver %s", (name, driver, open) => {
  test.runIf(
    orSayWhatIsLeftOut(
      hasProgram("redis-server", "--version"),
      "Redis commands as effects",
      "there is no redis-server",
    ) && orSayWhatIsLeftOut(driver !== undefined, `effects by ${name}`, `npm install ${name} is missing`),
  )("are effects, a transaction as one, and reading is none", async () => {
    const client = await open(await ownRedis());
    onTestFinished(async () => void (await client.quit())); // before its server is killed
    const prove = await prover(
      async () => [await client.get("count"), await client.get("state")],
      () => Promise.all([client.set("count", "0"), client.set("state", "")]),
    );
    const counting = prove(async (ctx) => {
      await ctx.step("first", () => 1);
      await client.incr("count");
    });
    await expect(counting).rejects.toMatchObject({
      effect: { kind: "redis" },
      where: expect.stringContaining("drivers"),
    });
    const atOnce = prove(async (ctx) => {
      await client.multi().incr("count").set("state", "done").exec();
      await ctx.step("first", () => 1);
    });
    await expect(atOnce).rejects.toThrow(UnsafeTaskError);
    const { effects } = await prove(async (ctx) => {
      await client.get("count");
      await client.set("state", "done");
      await ctx.step("first", () => 1);
    });
    expect(effects.map(({ kind }) => kind)).toEqual(["redis", "step", "end"]);
  });
});

test.runIf(orSayWhatIsLeftOut(undici !== undefined, "effects by undici", "npm install undici is missing"))(
  "requests by undici are effects, and one with a key passes",
  async () => {
    const requests = new Set<string>();
    const server = createServer((request, response) => {
      requests.add(String(request.headers["idempotency-key"] ?? requests.size));
      request.resume().on("end", () => response.end("{}"));
    });
    await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
    onTestFinished(() => {
      server.closeAllConnections();
      server.close();
    });
    const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}/`;
    const { request } = undici as unknown as {
      request(url: string, options: object): Promise<{ body: { dump(): Promise<void> } }>;
    };
    const prove = await prover(
      () => requests.size,
      () => requests.clear(),
    );
    const twice = prove(async (ctx) => {
      await ctx.step("first", async () => (await request(url, { method: "POST", body: "x" })).body.dump());
    });
    await expect(twice).rejects.toMatchObject({ effect: { kind: "http" } });
    const { effects } = await prove((ctx) =>
      ctx.step("first", async ({ key }) => {
        const { body } = await request(url, { method: "POST", headers: { "idempotency-key": key } });
        await body.dump();
      }),
    );
    expect(effects.map(({ kind }) => kind)).toEqual(["http", "step", "end"]);
  },
);
