import { hostname } from "node:os";
import type { Heartbeats } from "./heartbeats.ts";
import type { Roster } from "./roster.ts";
import type { CeleryTransport } from "./transport/transport.ts";

/** What a person has told of the fleet, in the broker's address. */
export interface Expectation {
  /** `?queues=a,b`: queues that workers of this fleet consume. */
  readonly queues: readonly string[];
  /** `?foreign_queues=a,b`: queues that others consume too, who are none of this fleet. */
  readonly foreignQueues: readonly string[];
  /** `?workers=3`: so many workers there are. */
  readonly count: number | undefined;
  /** `?workers=a@x,b@y`: their names. */
  readonly nodes: readonly string[];
}

export function readExpectation(address: string): Expectation {
  const parameters = new URL(address).searchParams;
  const listed = (name: string) => (parameters.get(name) ?? "").split(",").filter((each) => each !== "");
  const workers = listed("workers");
  const isCount = workers.length === 1 && /^\d+$/.test(workers[0] ?? "");
  return {
    queues: listed("queues"),
    foreignQueues: listed("foreign_queues"),
    count: isCount ? Number(workers[0]) : undefined,
    nodes: isCount ? [] : workers,
  };
}

export interface Heard {
  /** Who has answered. */
  readonly answered: ReadonlySet<string>;
  /** Who has answered once, or was closed. */
  readonly known: ReadonlySet<string>;
  /** How many were reached, where the broker says so. */
  readonly asked: number | undefined;
  /** What the workers that have answered consume or may consume. */
  readonly queues: Iterable<string>;
  /** Some still consume, and are being closed. */
  readonly isClosing: boolean;
}

/** How many of them a deploy asks the broker about at a time. */
const atOnce = 20;

/**
 * Workers that are there and say nothing: busy in a solo pool, stopped, or without remote control. No broker lists them, so that every trace of one is looked
 * for: more of them reached than have answered (Redis), consumers of a queue that nobody has who answers, a mailbox under a name that we can think of,
 * heartbeats, the management plugin, and what a person expects.
 */
export class Unheard {
  readonly #transport: CeleryTransport;
  readonly #expected: Expectation;
  readonly #roster: Roster;
  readonly #heartbeats: Heartbeats;
  readonly #defaultQueues: readonly string[];

  constructor(
    transport: CeleryTransport,
    expected: Expectation,
    { roster, heartbeats, namespace }: { roster: Roster; heartbeats: Heartbeats; namespace: string },
  ) {
    this.#transport = transport;
    this.#expected = expected;
    this.#roster = roster;
    this.#heartbeats = heartbeats;
    this.#defaultQueues = namespace === "celery" ? ["celery"] : []; // another exchange means another app, with a queue of another name
  }

  /** A sentence each. */
  async doubts(heard: Heard): Promise<string[]> {
    await this.#roster.recall();
    const mute = new Set([...(await this.#connected(heard)), ...this.#beating(heard)]);
    const named = [...mute].filter((node) => !heard.known.has(node));
    return [
      ...this.#uncounted(heard, named.length),
      ...named.map(
        (node) =>
          `Celery worker ${node} is there and does not answer: a solo pool is busy, its machine is stopped, or its remote control is switched off (worker_enable_remote_control=False).`,
      ),
      ...this.#unread(),
      ...this.#heartbeats
        .starting(heard.answered)
        .map((node) => `Celery worker ${node} is starting: it is closed as soon as it consumes.`),
      ...(heard.isClosing ? [] : await this.#consumed(heard)),
      ...this.#nobody(heard),
      ...(await this.#missing(heard)),
    ];
  }

  #uncounted({ asked, answered }: Heard, named: number): string[] {
    if (asked === undefined || asked <= answered.size + named) return [];
    return [
      `${asked - answered.size} of ${asked} Celery workers at the broker have not answered: a solo pool is busy, or a machine is stopped.`,
    ];
  }

  #unread(): string[] {
    if (this.#transport.unreadReplies === 0) return [];
    return [
      "A Celery worker answers in pickle, YAML or MessagePack (its task_serializer): Taskmaster reads JSON alone. Give its tasks that serializer one by one (@app.task(serializer=…)), and leave task_serializer as it is by default.",
    ];
  }

  #beating({ answered }: Heard): string[] {
    return this.#heartbeats.alive.filter((node) => !answered.has(node));
  }

  /** Of those that the broker lists, and those whose name is told, was seen by an earlier deploy, or is what Celery calls a worker on a machine that we know. */
  async #connected({ answered, known }: Heard): Promise<string[]> {
    const listed = (await this.#transport.connected()) ?? [];
    const machines = new Set([hostname(), ...[...known].map((node) => node.replace(/^[^@]*@/, ""))]);
    const names = [...this.#expected.nodes, ...this.#roster.nodes, ...[...machines].map((host) => `celery@${host}`)];
    const asked = [...new Set(names)].filter((node) => !known.has(node));
    const found = await filterAsync(asked, async (node) => ((await this.#transport.readers(node)) ?? 0) > 0);
    return [...listed.filter((node) => !answered.has(node)), ...found];
  }

  async #consumed({ queues }: Heard): Promise<string[]> {
    const { foreignQueues, queues: told } = this.#expected;
    const all = new Set([...told, ...queues, ...this.#roster.queues, ...this.#defaultQueues]);
    for (const foreign of foreignQueues) all.delete(foreign);
    const doubts: string[] = [];
    await filterAsync([...all], async (queue) => {
      const count = (await this.#transport.consumers(queue)) ?? 0;
      if (count > 0)
        doubts.push(
          `The queue ${queue} has ${count} ${count === 1 ? "consumer" : "consumers"} that no answering worker has: a worker that is busy (solo pool), stopped, or without remote control. One that is no Celery worker: ?foreign_queues=${queue}`,
        );
      return false;
    });
    return doubts.sort();
  }

  #nobody({ known, asked }: Heard): string[] {
    if (known.size > 0 || (this.#expected.count === 0 && asked === 0)) return [];
    const there =
      asked === 0
        ? "No Celery worker listens to remote control at this broker"
        : "No Celery worker has answered, although one listens";
    return [
      `${there}. Where workers run, they are busy in a solo pool, their remote control is switched off (worker_enable_remote_control=False), their control_exchange has another name (?control_exchange=NAME), or they use another broker or virtual host. Where none is meant to run: ?workers=0`,
    ];
  }

  async #missing({ known }: Heard): Promise<string[]> {
    const { count, nodes } = this.#expected;
    const away = nodes.filter((node) => !known.has(node));
    return [
      ...(count !== undefined && known.size < count
        ? [
            `${known.size} of ${count} Celery workers have answered (?workers=${count}): the others are busy in a solo pool, stopped, or not running.`,
          ]
        : []),
      ...away.map((node) => `Celery worker ${node} is expected (?workers=) and has not answered.`),
    ];
  }
}

async function filterAsync(names: readonly string[], isIt: (name: string) => Promise<boolean>): Promise<string[]> {
  const found: string[] = [];
  for (let at = 0; at < names.length; at += atOnce) {
    const some = names.slice(at, at + atOnce);
    const are = await Promise.all(some.map(isIt));
    found.push(...some.filter((_, index) => are[index]));
  }
  return found;
}
