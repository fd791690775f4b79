import type { FleetProcess } from "../fleet.ts";

interface Heard {
  /** As `performance.now()` has it. */
  readonly at: number;
  /** Something ran in it that must not be cut off. */
  readonly wasBusy: boolean;
  /** It was connected, and did not answer. */
  readonly isMute: boolean;
}

/** For so long a worker that has left may still be finishing what it had. */
const leavingMs = 10_000;

/** Every worker that has answered or was closed, and what is to be thought of those that do not answer now. */
export class Presence {
  readonly #heard = new Map<string, Heard>();

  hear(node: string, { isBusy = false } = {}): void {
    this.#heard.set(node, { at: performance.now(), wasBusy: isBusy, isMute: false });
  }

  /** It was closed by another program; since when it is silent is not known. */
  expect(node: string): void {
    this.#heard.set(node, { at: Number.NEGATIVE_INFINITY, wasBusy: false, isMute: false });
  }

  get nodes(): IterableIterator<string> {
    return this.#heard.keys();
  }

  /** Those whose answer is worth waiting for. */
  get answering(): string[] {
    const now = performance.now();
    return [...this.#heard]
      .filter(([, { at }]) => !Number.isFinite(at) || now - at < leavingMs * 3)
      .map(([node]) => node);
  }

  /**
   * One that does not answer.
   * @param isConnected undefined where the broker does not know
   * @param isAnybodyMute what to think then: whether more are connected than have answered
   */
  absent(node: string, isConnected: boolean | undefined, isAnybodyMute: boolean | undefined): FleetProcess {
    const heard = this.#heard.get(node) ?? { at: Number.NEGATIVE_INFINITY, wasBusy: false, isMute: false };
    const process = { id: node, where: node, release: null };
    if ((isConnected ?? isAnybodyMute) !== false) {
      if (isConnected) this.#heard.set(node, { ...heard, isMute: true });
      const remark = "it does not answer remote control: a solo pool is busy, or its machine is stopped";
      return { ...process, state: "silent", remark };
    }
    if (heard.wasBusy)
      return {
        ...process,
        state: "silent",
        remark:
          "it has left while tasks that must not be cut off were in it: killed, or still finishing them. Look there, and prepare again",
      };
    if (heard.isMute)
      return {
        ...process,
        state: "silent",
        remark:
          "it has left without an answer: killed, or a solo pool whose task runs on although the broker has given its connection up. Look there, and prepare again",
      };
    if (performance.now() - heard.at < leavingMs) return { ...process, state: "silent", remark: "it has just left" };
    return { ...process, state: "gone" };
  }
}
