import { BrokerRefusedError, withoutPassword } from "../../../brokers/broker-error.ts";
import { AmqpTransport } from "./amqp-transport.ts";
import { RedisTransport } from "./redis-transport.ts";
import type { CeleryTransport } from "./transport.ts";

/** kombu's names of the same protocols. */
const schemes: Readonly<Record<string, string>> = {
  amqp: "amqp",
  pyamqp: "amqp",
  librabbitmq: "amqp",
  amqps: "amqps",
  redis: "redis",
  valkey: "redis",
  rediss: "rediss",
  valkeys: "rediss",
};

/**
 * Opens the broker of a Celery app. In the address, `?control_exchange=` names Celery's `control_exchange` (default `celery`), and
 * `?global_keyprefix=` kombu's prefix of Redis keys.
 *
 * @throws {BrokerUnreachableError | BrokerRefusedError}
 */
export async function openTransport(address: string): Promise<CeleryTransport> {
  const [scheme = ""] = address.split(":");
  const known = schemes[scheme];
  if (known === undefined)
    throw new BrokerRefusedError(
      "scheme",
      `${withoutPassword(address)}: Taskmaster speaks to Celery over ${Object.keys(schemes).join(", ")}, not over ${scheme}.`,
    );
  const url = address.replace(scheme, known);
  const namespace = namespaceOf(url);
  return known.startsWith("amqp")
    ? AmqpTransport.open(url, namespace)
    : RedisTransport.open(url, namespace, new URL(url).searchParams.get("global_keyprefix") ?? "");
}

/** The name of Celery's `control_exchange`. */
export function namespaceOf(address: string): string {
  return new URL(address).searchParams.get("control_exchange") ?? "celery";
}
