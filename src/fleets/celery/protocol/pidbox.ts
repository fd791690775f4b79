/** The commands of Celery's remote control and their answers, as kombu's mailbox writes them (kombu/pidbox.py, celery/worker/control.py). */
export interface PidboxCommand {
  readonly method: string;
  readonly arguments: Readonly<Record<string, unknown>>;
  /** Names of nodes; null for all. */
  readonly destination: readonly string[] | null;
  readonly ticket: string;
}

export interface PidboxReply {
  readonly ticket: string;
  readonly node: string;
  readonly answer: unknown;
}

/** The body of a command. Without a reply address the worker answers nobody. */
export function encodeCommand(
  { method, arguments: given, destination, ticket }: PidboxCommand,
  replyTo?: { readonly exchange: string; readonly routingKey: string },
): string {
  return JSON.stringify({
    method,
    arguments: given,
    destination,
    pattern: null,
    matcher: null,
    ...(replyTo && { ticket, reply_to: { exchange: replyTo.exchange, routing_key: replyTo.routingKey } }),
  });
}

/** One message holds the answer of one worker: `{ "name@host": … }`. Undefined where it is not written in JSON: workers answer by their `task_serializer`. */
export function decodeReply(ticket: unknown, body: string): PidboxReply[] | undefined {
  const answers = parsed(body);
  if (answers === undefined) return undefined;
  if (typeof ticket !== "string" || typeof answers !== "object" || answers === null) return [];
  return Object.entries(answers).map(([node, answer]) => ({ ticket, node, answer }));
}

/** A worker that starts greets the others, a second before it consumes (celery/worker/consumer/mingle.py). Answers with its name. */
export function decodeGreeting(body: string): string | undefined {
  const command = parsed(body);
  if (typeof command !== "object" || command === null) return undefined;
  const { method, arguments: given } = command as { method?: unknown; arguments?: { from_node?: unknown } | null };
  return method === "hello" && typeof given?.from_node === "string" ? given.from_node : undefined;
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
