/** What a worker's configuration (`inspect conf`: what was changed in it) says of its app's queues, as far as it can be read. */
export interface WorkerConfiguration {
  /** Those that its tasks are sent to: by default, by declaration, or by a route. */
  readonly queues: readonly QueueName[];
  /** Where its events are sent. */
  readonly eventExchange: string;
}

export type QueueName = string;

/** Never fails: a configuration in a shape of its own tells less. */
export function readConfiguration(answer: unknown): WorkerConfiguration {
  const conf = isFields(answer) ? answer : {};
  return {
    queues: [...new Set([asName(conf.task_default_queue) ?? "celery", ...declared(conf), ...routed(conf)])],
    eventExchange: asName(conf.event_exchange) ?? "celeryev",
  };
}

type Fields = Readonly<Record<string, unknown>>;

/** A list of kombu's queues, or a table by name. */
function declared({ task_queues: queues }: Fields): string[] {
  if (Array.isArray(queues))
    return queues.flatMap((queue) => (isFields(queue) ? (asName(queue.name) ?? []) : (inRepr(queue) ?? [])));
  return isFields(queues) ? Object.keys(queues) : [];
}

/** Some serializers write a queue as Python shows it: `<unbound Queue mail -> …`. */
function inRepr(queue: unknown): string | undefined {
  return typeof queue === "string" ? /Queue (\S+) ->/.exec(queue)?.[1] : undefined;
}

/** By pattern: `{ "mail.*": { queue: "mail" } }` or `{ "mail.*": "mail" }`, in lists of such tables too. A router that is a function cannot be read. */
function routed({ task_routes: routes }: Fields): string[] {
  const tables = (Array.isArray(routes) ? routes.flat() : [routes]).filter(isFields);
  return tables.flatMap(Object.values).flatMap((route) => {
    const queue: unknown = isFields(route) ? route.queue : route;
    return (isFields(queue) ? asName(queue.name) : asName(queue)) ?? [];
  });
}

function asName(value: unknown): string | undefined {
  return typeof value === "string" && value !== "" && !/[<*\s]/.test(value) ? value : undefined;
}

function isFields(value: unknown): value is Fields {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}
