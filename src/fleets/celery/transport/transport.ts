import type { GateRecordStore } from "../../../brokers/gate-record.ts";
import type { PidboxCommand, PidboxReply } from "../protocol/pidbox.ts";

/** What Celery's remote control needs of a broker. */
export interface CeleryTransport {
  readonly records: GateRecordStore;
  /** Answers come to `onReply`. Resolves with the number of workers that have got it, where the broker says so. */
  broadcast(command: PidboxCommand): Promise<number | undefined>;
  onReply: (reply: PidboxReply) => void;
  /** How many workers consume a queue, or undefined where the broker does not know. */
  consumers(queue: string): Promise<number | undefined>;
  /** Whether a node is still connected, or undefined where the broker does not know. */
  isConnected(node: string): Promise<boolean | undefined>;
  /** Has the broker itself send these commands after so many milliseconds, unless it is called again. Answers false where the broker cannot. */
  sendLater(commands: readonly PidboxCommand[], ms: number): Promise<boolean>;
  close(): Promise<void>;
}
