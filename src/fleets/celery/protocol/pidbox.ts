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

/** One message holds the answer of one worker: `{ "name@host": … }`. */
export function decodeReply(ticket: unknown, body: string): PidboxReply[] {
  const answers: unknown = JSON.parse(body);
  if (typeof ticket !== "string" || typeof answers !== "object" || answers === null) return [];
  return Object.entries(answers).map(([node, answer]) => ({ ticket, node, answer }));
}
