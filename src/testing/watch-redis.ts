import { copiesOf, replaceMethod } from "./copies.ts";
import { TrackedRun } from "./tracked-run.ts";

/**
 * Redis commands as effects, at the drivers `ioredis` and `redis`. Reading is none; a pipeline and a transaction count as one. A command of a
 * killed run is never handed to the driver, which would send it again after it has connected anew.
 */
const reading = new Set(
  `get mget getrange strlen exists ttl pttl expiretime pexpiretime type keys scan dump touch hget hmget hgetall hkeys hvals hlen hexists hscan hstrlen
  hrandfield lrange llen lindex lpos smembers sismember smismember scard sscan srandmember sinter sunion sdiff sintercard zrange zrangebyscore
  zrangebylex zrevrange zrevrangebyscore zrevrangebylex zscore zmscore zcard zcount zlexcount zrank zrevrank zscan zrandmember bitcount bitpos getbit
  pfcount xrange xrevrange xlen xread xpending xinfo geopos geodist geohash geosearch georadius_ro object memory info ping echo time dbsize lastsave
  select auth hello client command config subscribe unsubscribe psubscribe punsubscribe ssubscribe sunsubscribe watch unwatch readonly readwrite
  cluster role wait quit asking multi discard json.get json.mget ft.search`.split(/\s+/),
);

type Method = (this: object, ...args: unknown[]) => unknown;

/** Puts the watch on; answers how to take it off. */
export function watchRedis(): () => void {
  const undo = [...copiesOf("ioredis").flatMap(watchIoredis), ...nodeRedisPrototypes().flatMap(watchNodeRedis)];
  return () => {
    for (const each of undo) each();
  };
}

function watchIoredis(copy: Record<string, unknown>): (() => void)[] {
  const prototypes = ["Redis", "Cluster"].map((name) => prototypeOf(copy[name])).filter((each) => each !== undefined);
  const pipeline = prototypeOf(copy.Pipeline);
  return [
    ...prototypes.map((each) =>
      replaceMethod<Method>(each, "sendCommand", (original) => {
        return function (this: object, ...args) {
          const { name = "", args: values = [] } = (args[0] ?? {}) as { name?: string; args?: unknown[] };
          return perform([[name, ...values]], () => original.apply(this, args));
        };
      }),
    ),
    ...(pipeline ? [replaceMethod<Method>(pipeline, "exec", watchPipeline)] : []),
  ];
}

interface Pipeline {
  readonly _queue?: readonly { readonly name?: string; readonly args?: unknown[] }[];
  /** Its last command is still to be added: it calls itself again. */
  readonly _transactions?: number;
}

function watchPipeline(original: Method): Method {
  return function (this: Pipeline, ...args) {
    const [callback] = args as [((error: unknown, result?: unknown) => void)?];
    if (TrackedRun.current === undefined || (this._transactions ?? 0) > 0) return original.apply(this, args);
    const commands = (this._queue ?? []).map(({ name = "", args: values = [] }) => [name, ...values]);
    const answer = perform(commands, () => original.apply(this, [])) as Promise<unknown>;
    if (callback !== undefined) answer.then((result) => callback(null, result), callback);
    return answer;
  };
}

function nodeRedisPrototypes(): object[] {
  const found = new Set<object>();
  for (const name of ["redis", "@redis/client"])
    for (const { RedisClient, createClient } of copiesOf(name)) {
      let at = prototypeOf(RedisClient) ?? instancePrototype(createClient);
      while (at && !Object.hasOwn(at, "sendCommand")) at = Object.getPrototypeOf(at) as object | undefined;
      if (at) found.add(at);
    }
  return [...found];
}

function watchNodeRedis(prototype: object): (() => void)[] {
  const commandsOf = (queue: unknown) =>
    (Array.isArray(queue) ? queue : []).map((each: { readonly args?: unknown[] }) => [...(each?.args ?? [])]);
  return [
    replaceMethod<Method>(prototype, "sendCommand", (original) => {
      return function (this: object, ...args) {
        return perform([args[0] as unknown[]], () => original.apply(this, args));
      };
    }),
    ...["_executeMulti", "_executePipeline"].map((name) =>
      replaceMethod<Method>(prototype, name, (original) => {
        return function (this: object, ...args) {
          return perform(commandsOf(args[0]), () => original.apply(this, args));
        };
      }),
    ),
  ];
}

function perform(commands: readonly (readonly unknown[])[], call: () => unknown): unknown {
  const run = TrackedRun.current;
  if (run === undefined) return call();
  const changing = commands.filter(([name]) => !reading.has(String(name).toLowerCase()));
  const promised = () => Promise.resolve(call());
  if (changing.length === 0) return run.wait(() => TrackedRun.outside(promised));
  return run.effect("redis", changing.map(textOf).join("; "), promised);
}

function textOf(command: readonly unknown[]): string {
  return command.slice(0, 4).map(String).join(" ");
}

function prototypeOf(made: unknown): object | undefined {
  return typeof made === "function" ? (made.prototype as object | undefined) : undefined;
}

/** Of what a function makes, where the class itself is not exported. It does not connect. */
function instancePrototype(create: unknown): object | undefined {
  return typeof create === "function" ? (Object.getPrototypeOf((create as () => object)()) as object) : undefined;
}
