import type { Answers } from "./remote-control.ts";
import type { CeleryTransport } from "./transport/transport.ts";

/**
 * Workers that share a name, such as two programs of one machine that were started without `-n`. RabbitMQ gives each question to one of them, now this and now
 * that; over Redis both answer, and obey. Nobody can tell them apart, so that what is closed there could not be opened again.
 */
export async function namesakes({ by, twice }: Answers, transport: CeleryTransport): Promise<ReadonlySet<string>> {
  const nodes = [...by.keys()];
  const readers = await Promise.all(nodes.map((node) => transport.readers(node)));
  return new Set([...twice, ...nodes.filter((_, index) => (readers[index] ?? 0) > 1)]);
}

export function namesakeDoubt(node: string): string {
  return `Several Celery workers call themselves ${node}: what one of them answers hides the others, so they are not closed. Give each a name of its own: celery worker -n NAME@%h`;
}
