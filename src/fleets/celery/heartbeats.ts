import type { WorkerEvent } from "./protocol/events.ts";
import type { CeleryTransport } from "./transport/transport.ts";

/** For so long we listen before we believe that nobody else is there: a worker tells of itself every two seconds. */
const enoughMs = 2_500;

/** From its greeting to its consumers a worker takes one second and little more. */
const startedMs = 3_000;

/** Who tells of himself, whether he answers or not: also a worker without remote control. One that is blocked by its task tells nothing. */
export class Heartbeats {
  readonly #transport: CeleryTransport;
  readonly #beats = new Map<string, { readonly at: number; readonly everyMs: number }>();
  readonly #greetings = new Map<string, number>();
  readonly #tried = new Set<string>();
  #since: number | undefined;

  constructor(transport: CeleryTransport) {
    this.#transport = transport;
  }

  /** Listens to these exchanges too. Those that are not there have nobody who tells. */
  async listenTo(exchanges: Iterable<string>): Promise<void> {
    for (const exchange of exchanges) {
      if (this.#tried.has(exchange)) continue;
      this.#tried.add(exchange);
      if (await this.#transport.listenToEvents(exchange, (event) => this.#hear(event))) this.#since = performance.now();
    }
  }

  /** Also notices workers that are about to start. */
  async listenToGreetings(): Promise<void> {
    await this.#transport.listenToGreetings((node) => this.#greetings.set(node, performance.now()));
  }

  /** Those that have greeted the others and may not consume yet, or do and have not answered. */
  starting(answered: ReadonlySet<string>): string[] {
    const now = performance.now();
    return [...this.#greetings]
      .filter(([node, at]) => now - at < (answered.has(node) ? startedMs : startedMs * 4))
      .map(([node]) => node);
  }

  get hasListenedEnough(): boolean {
    return this.#since === undefined || performance.now() - this.#since > enoughMs;
  }

  /** Those of late. */
  get alive(): string[] {
    const now = performance.now();
    return [...this.#beats].filter(([, { at, everyMs }]) => now - at < everyMs * 2).map(([node]) => node);
  }

  #hear({ node, isLeaving, everyMs }: WorkerEvent): void {
    if (isLeaving) this.#beats.delete(node);
    else this.#beats.set(node, { at: performance.now(), everyMs });
  }
}
