import net from "node:net";
import { replaceMethod } from "./copies.ts";
import { lineOfTask } from "./lines.ts";
import { TrackedRun } from "./tracked-run.ts";

/**
 * What is sent through sockets, by clients that no other watch knows: a mail by SMTP, another database's driver. An effect is what is sent until the
 * other side answers. Invariants:
 *
 * 1. Databases, Redis and requests have watches of their own, and are told apart by who writes.
 * 2. Whether a connection is opened anew or used again, and how often a driver pings, is not the task's doing: these effects are killed at, and not compared
 *    from run to run (`isIncidental`).
 * 3. Who never answers is waited for briefly: by then what was sent is on its way.
 */
const kind = "socket";
const answersWithinMs = 100;

type Call = (this: unknown, ...args: unknown[]) => unknown;

const watchedElsewhere =
  /[\\/]node_modules[\\/](pg|pg-protocol|pg-native|ioredis|redis|@redis[\\/]client|undici)[\\/]|node:_http|node:internal\/(deps\/undici|http2)/;

/** Whether an effect may come in one run and not in another, for no fault of the task's. */
export function isIncidental(effect: { readonly kind: string }): boolean {
  return effect.kind === kind;
}

/** Puts the watch on; answers how to take it off. */
export function watchSockets(): () => void {
  const undo = ["write", "end"].map((name) =>
    replaceMethod<Call>(net.Socket.prototype, name, (original) => {
      return function (this: unknown, ...args) {
        const socket = this as net.Socket;
        const run = TrackedRun.current;
        const sends = args[0] !== undefined && args[0] !== null && typeof args[0] !== "function";
        if (run === undefined || !sends || !isOfTask(socket)) return original.apply(socket, args);
        if (!dialogueOf(socket, run).sends(args[0])) return true;
        return TrackedRun.outside(() => original.apply(socket, args));
      };
    }),
  );
  return () => {
    for (const each of undo) each();
  };
}

/** A connection to somebody, and none of those that have a watch of their own or belong to this process: its output, its children. */
function isOfTask(socket: net.Socket): boolean {
  if (others.has(socket) || (socket.remoteAddress === undefined && !socket.connecting)) return false;
  const { stackTraceLimit } = Error;
  Error.stackTraceLimit = 30;
  const { stack = "" } = new Error();
  Error.stackTraceLimit = stackTraceLimit;
  if (!watchedElsewhere.test(stack)) return true;
  others.add(socket);
  return false;
}

/** Connections with a watch of their own: a stack is dear. */
const others = new WeakSet<net.Socket>();

const dialogues = new WeakMap<net.Socket, Dialogue>();

function dialogueOf(socket: net.Socket, run: TrackedRun): Dialogue {
  let dialogue = dialogues.get(socket);
  if (dialogue?.run !== run) {
    dialogue = new Dialogue(socket, run);
    dialogues.set(socket, dialogue);
  }
  return dialogue;
}

/** What one run says through a socket, and hears. */
class Dialogue {
  readonly run: TrackedRun;
  readonly #socket: net.Socket;
  /** Ends the effect that is on its way. */
  #end: (() => boolean) | undefined;
  #timer: NodeJS.Timeout | undefined;

  constructor(socket: net.Socket, run: TrackedRun) {
    this.#socket = socket;
    this.run = run;
    run.onKill(() => socket.destroy());
    const push = socket.push.bind(socket);
    socket.push = (...args) => (this.#hear() ? push(...args) : false);
    socket.once("connect", () => this.#wait());
    socket.once("close", () => this.#hear());
  }

  /** Whether it may be sent. */
  sends(data: unknown): boolean {
    if (this.#end === undefined) {
      this.#end = this.run.begin(kind, this.#what(data), lineOfTask());
      if (this.#end === undefined) return false;
    } else if (this.run.dead) return false;
    this.#wait();
    return true;
  }

  #what(data: unknown): string {
    const { remoteAddress, remotePort, connecting } = this.#socket;
    const [word = ""] = /^[A-Z]{2,10}(?=[ \r\n])/.exec(typeof data === "string" ? data : startOf(data)) ?? [];
    return `${word} to ${connecting || remoteAddress === undefined ? "a new connection" : `${remoteAddress}:${remotePort}`}`.trim();
  }

  #wait(): void {
    clearTimeout(this.#timer);
    if (this.#end && !this.#socket.connecting) this.#timer = setTimeout(() => this.#hear(), answersWithinMs);
  }

  /** Whether what comes may be heard. */
  #hear(): boolean {
    clearTimeout(this.#timer);
    const end = this.#end;
    this.#end = undefined;
    return end ? end() : !this.run.dead;
  }
}

function startOf(data: unknown): string {
  return data instanceof Uint8Array ? Buffer.from(data.subarray(0, 12)).toString("latin1") : "";
}
