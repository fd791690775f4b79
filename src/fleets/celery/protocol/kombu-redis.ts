/** How kombu maps AMQP onto Redis (kombu/transport/redis.py and virtual/base.py). */
const separator = "\x06\x16";

/** The channel on which a fanout exchange is published. */
export function fanoutChannel(database: number, exchange: string): string {
  return `/${database}.${exchange}`;
}

/** The set that holds an exchange's bindings, each `routing key, pattern, queue`. */
export function bindingsKey(exchange: string): string {
  return `_kombu.binding.${exchange}`;
}

export function binding(routingKey: string, queue: string): string {
  return [routingKey, "", queue].join(separator);
}

/** A message as it stands in a list or is published. */
export function encodeEnvelope(body: string, exchange: string, deliveryTag: string): string {
  return JSON.stringify({
    body: Buffer.from(body).toString("base64"),
    "content-encoding": "utf-8",
    "content-type": "application/json",
    headers: {},
    properties: {
      delivery_mode: 1,
      delivery_info: { exchange, routing_key: "" },
      priority: 0,
      body_encoding: "base64",
      delivery_tag: deliveryTag,
    },
  });
}

export function decodeEnvelope(text: string): { headers: Readonly<Record<string, unknown>>; body: string } {
  const { body, headers, properties } = JSON.parse(text) as {
    body: string;
    headers?: Record<string, unknown>;
    properties?: { body_encoding?: string };
  };
  return {
    headers: headers ?? {},
    body: properties?.body_encoding === "base64" ? Buffer.from(body, "base64").toString() : body,
  };
}
