import { randomUUID } from "node:crypto";
import type { PidboxReply } from "./protocol/pidbox.ts";
import type { CeleryTransport } from "./transport/transport.ts";

export interface Answers {
  /** By the node's name. */
  readonly by: ReadonlyMap<string, unknown>;
  /** Nodes of which there were two answers: workers that share a name. */
  readonly twice: ReadonlySet<string>;
  /** How many workers have got the question, where the broker says so. */
  readonly asked: number | undefined;
}

/** Asks workers and gathers their answers. Nobody says how many will answer: it waits for those that are known, and for strangers a while. */
export class RemoteControl {
  readonly #transport: CeleryTransport;
  readonly #waiting = new Map<string, (reply: PidboxReply) => void>();

  constructor(transport: CeleryTransport) {
    this.#transport = transport;
    transport.onReply = (reply) => this.#waiting.get(reply.ticket)?.(reply);
  }

  /** Asks all. Waits for those that are known at most `patienceMs`, and `strangersMs` in any case unless the broker has said how many there are. */
  async askAll(
    method: string,
    given: Readonly<Record<string, unknown>>,
    known: Iterable<string>,
    { patienceMs, strangersMs }: { readonly patienceMs: number; readonly strangersMs: number },
  ): Promise<Answers> {
    return this.#ask(method, given, null, new Set(known), patienceMs, strangersMs);
  }

  /** Asks some, and waits for them. */
  async ask(
    method: string,
    given: Readonly<Record<string, unknown>>,
    nodes: readonly string[],
    patienceMs: number,
  ): Promise<Answers> {
    if (nodes.length === 0) return { by: new Map(), twice: new Set(), asked: 0 };
    return this.#ask(method, given, nodes, new Set(nodes), patienceMs, 0);
  }

  async #ask(
    method: string,
    given: Readonly<Record<string, unknown>>,
    destination: readonly string[] | null,
    known: ReadonlySet<string>,
    patienceMs: number,
    strangersMs: number,
  ): Promise<Answers> {
    const ticket = randomUUID();
    const by = new Map<string, unknown>();
    const twice = new Set<string>();
    let told: () => void = () => {};
    this.#waiting.set(ticket, ({ node, answer }) => {
      if (by.has(node)) twice.add(node);
      by.set(node, answer);
      told();
    });
    try {
      const begun = performance.now();
      const asked = await this.#transport.broadcast({ method, arguments: given, destination, ticket });
      const enoughAfter = asked === undefined || destination !== null ? strangersMs : patienceMs;
      for (;;) {
        const passed = performance.now() - begun;
        const haveKnown = [...known].every((node) => by.has(node));
        const haveAll = destination === null && asked !== undefined && by.size >= asked;
        if (haveAll || passed > patienceMs || (haveKnown && passed >= enoughAfter)) return { by, twice, asked };
        const leftMs = (haveKnown ? enoughAfter : patienceMs) - passed + 1;
        await new Promise<void>((resolve) => {
          const timer = setTimeout(resolve, Math.max(1, leftMs));
          told = () => {
            clearTimeout(timer);
            resolve();
          };
        });
      }
    } finally {
      this.#waiting.delete(ticket);
    }
  }
}
