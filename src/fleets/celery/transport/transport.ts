import type { GateRecordStore } from "../../../brokers/gate-record.ts";
import type { WorkerEvent } from "../protocol/events.ts";
import type { PidboxCommand, PidboxReply } from "../protocol/pidbox.ts";

/** What Celery's remote control needs of a broker. */
export interface CeleryTransport {
  readonly records: GateRecordStore;
  /** What deploys before this one have seen there, as they wrote it. */
  readonly memory: Memory;
  /** Answers come to `onReply`. Resolves with the number of workers that have got it, where the broker says so. */
  broadcast(command: PidboxCommand): Promise<number | undefined>;
  onReply: (reply: PidboxReply) => void;
  /** How many answers were written in a way that is not read here. */
  readonly unreadReplies: number;
  /** Answers false where nobody can have sent any there. */
  listenToEvents(exchange: string, onEvent: (event: WorkerEvent) => void): Promise<boolean>;
  /** Told the name of each worker that starts. */
  listenToGreetings(onGreeting: (node: string) => void): Promise<void>;
  /** How many workers consume a queue, or undefined where the broker does not know. */
  consumers(queue: string): Promise<number | undefined>;
  /** How many read a node's mailbox: none where it is not connected, several where workers share its name. Undefined where the broker does not know. */
  readers(node: string): Promise<number | undefined>;
  /** Every node that is connected, or undefined where nobody can say. */
  connected(): Promise<readonly string[] | undefined>;
  /** Has the broker itself send these commands after so many milliseconds, unless it is called again. Answers false where the broker cannot. */
  sendLater(commands: readonly PidboxCommand[], ms: number): Promise<boolean>;
  close(): Promise<void>;
}

export interface Memory {
  read(): Promise<string | undefined>;
  write(text: string): Promise<void>;
}
