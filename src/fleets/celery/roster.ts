import type { Memory } from "./transport/transport.ts";

const forgottenAfterMs = 30 * 24 * 3_600_000;
const writtenAgainAfterMs = 24 * 3_600_000;
/** The newest of each. */
const most = 300;

type Seen = Map<string, number>;

/**
 * The workers and queues that deploys before this one have seen, kept in the broker: a worker that is busy and silent today has answered on another day.
 * It is a help to see more, and nothing depends on it: where two deploys write at once, the later one wins.
 */
export class Roster {
  readonly #memory: Memory;
  #nodes: Seen = new Map();
  #queues: Seen = new Map();
  #hasRead = false;

  constructor(memory: Memory) {
    this.#memory = memory;
  }

  get nodes(): string[] {
    return [...this.#nodes.keys()];
  }

  get queues(): string[] {
    return [...this.#queues.keys()];
  }

  async remember(nodes: Iterable<string>, queues: Iterable<string>): Promise<void> {
    await this.recall();
    const now = Date.now();
    const isNews = (seen: Seen, name: string) => now - (seen.get(name) ?? 0) > writtenAgainAfterMs;
    const [newNodes, newQueues] = [
      [...nodes].filter((each) => isNews(this.#nodes, each)),
      [...queues].filter((each) => isNews(this.#queues, each)),
    ];
    if (newNodes.length + newQueues.length === 0) return;
    this.#nodes = newest([...this.#nodes, ...newNodes.map((name) => [name, now] as const)]);
    this.#queues = newest([...this.#queues, ...newQueues.map((name) => [name, now] as const)]);
    await this.#memory.write(
      JSON.stringify({ nodes: Object.fromEntries(this.#nodes), queues: Object.fromEntries(this.#queues) }),
    );
  }

  async recall(): Promise<void> {
    if (this.#hasRead) return;
    const { nodes = {}, queues = {} } = parsed((await this.#memory.read()) ?? "{}");
    this.#nodes = newest(Object.entries(nodes));
    this.#queues = newest(Object.entries(queues));
    this.#hasRead = true;
  }
}

function newest(seen: Iterable<readonly [string, number]>): Seen {
  const latest = [...new Map(seen)].filter(([, at]) => Date.now() - at < forgottenAfterMs);
  return new Map(latest.sort(([, one], [, other]) => other - one).slice(0, most));
}

function parsed(text: string): { nodes?: Record<string, number>; queues?: Record<string, number> } {
  try {
    return JSON.parse(text) as { nodes?: Record<string, number>; queues?: Record<string, number> };
  } catch {
    return {}; // somebody else's queue, or an older way of writing it
  }
}
