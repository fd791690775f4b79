import { BrokerRefusedError, withoutPassword } from "./broker-error.ts";

/** What a Redis means that says no, and what to do about it. */
const meanings: readonly (readonly [RegExp, string])[] = [
  [
    /^(NOAUTH|WRONGPASS)|AUTH/,
    "refuses the credentials: TEXT. Write them into the address: redis://user:password@host:port/0",
  ],
  [/^NOPERM/, "does not let this user do that: TEXT. The rights that are needed stand in docs/fleets.md, Redis."],
  [/^READONLY/, "is a replica, which takes no writes: TEXT. Name the primary in the address."],
  [/^LOADING/, "is loading its data, and has not finished within 10s: TEXT. Try again when it has."],
  [
    /DB index/,
    "has no database of that number: TEXT. The last part of the address is the number, as in redis://host:6379/0",
  ],
  [
    /^(MOVED|ASK|CLUSTERDOWN)/,
    "is a node of a Redis Cluster that does not have these keys: TEXT. Name the node that has them in the address.",
  ],
];

export function redisRefusal(address: string, text: string): BrokerRefusedError {
  const reason = /^[A-Z]+/.exec(text)?.[0] ?? "ERR";
  const meaning = meanings.find(([pattern]) => pattern.test(text))?.[1] ?? "refuses: TEXT";
  return new BrokerRefusedError(
    reason,
    `The broker ${withoutPassword(address)} ${meaning.replace("TEXT", () => text.replace(/\.$/, ""))}`,
  );
}
