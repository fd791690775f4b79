import { spawn } from "node:child_process";
import { closeSync, existsSync, openSync, readFileSync } from "node:fs";
import type { Socket } from "node:net";
import { join as pathOf } from "node:path";
import { createInterface } from "node:readline";
import type { Readable } from "node:stream";
import { fileURLToPath } from "node:url";
import type { Binaries } from "./binaries.ts";
import { EmbeddedStartError, errorOf } from "./error.ts";
import { elsewhere, type Host, latest, reach, thisHost } from "./leadership.js";
import type { Refusal } from "./refusal.js";

/** A place among those who use the Postgres of a folder: held by a connection, given up by closing it. */
export interface Membership {
  readonly url: string;
  readonly version: string;
  /** The process that keeps Postgres running. */
  readonly supervisor: number;
  /** Whether this call started it. */
  readonly startedHere: boolean;
  readonly socket: Socket;
  /** Whether the supervisor ended on purpose. */
  dismissed(): boolean;
}

/** What the supervisor says, one JSON text a line. */
type News =
  | { type: "hello"; pid: number }
  | { type: "progress"; line: string }
  | { type: "ready"; url: string; version: string; host: Host }
  | ({ type: "refused" } & Pick<Refusal, "kind" | "message" | "fields">)
  | { type: "goodbye" };

export interface JoinOptions {
  readonly place: string;
  readonly findBinaries: () => Binaries;
  readonly say: (line: string) => void;
  /** Does not keep the process alive while it waits. */
  readonly background?: boolean;
}

const helloMilliseconds = 10_000;
/** Every round ends with a supervisor that began and ended; more than a few of them are a fault. */
const mostRounds = 30;

/**
 * Becomes a member, starting the supervisor where none lives. A supervisor that ends before it is ready (it had
 * decided to stop, or was killed) is not an error: the next round finds or starts another.
 */
export async function join(options: JoinOptions): Promise<Membership> {
  const { place } = options;
  let started: number | undefined;
  for (let round = 0; round < mostRounds; round++) {
    const published = latest(place);
    const socket = published && (await reach(place, published));
    if (!socket) {
      started = await startSupervisor(options);
      continue;
    }
    const membership = await attend(socket, options, (pid) => pid === started);
    if (membership) return membership;
  }
  throw failure(place, `${mostRounds} supervisors of the embedded Postgres in ${place} ended before it was ready.`);
}

/** Waits for `ready`; undefined where the connection ends before. */
function attend(socket: Socket, { place, say, background }: JoinOptions, isOurs: (pid: number) => boolean) {
  return new Promise<Membership | undefined>((done, failed) => {
    let supervisor = 0;
    let dismissed = false;
    const patience = setTimeout(() => {
      socket.destroy();
      const pid = latest(place)?.pid;
      failed(
        failure(
          place,
          `The supervisor of the embedded Postgres in ${place} does not answer: kill -9 ${pid}, and try again.`,
        ),
      );
    }, helloMilliseconds);
    if (background) {
      patience.unref();
      socket.unref();
    }
    socket.on("error", () => {});
    socket.on("close", () => {
      clearTimeout(patience);
      done(undefined);
    });
    onNews(socket, (news) => {
      switch (news.type) {
        case "hello":
          clearTimeout(patience);
          supervisor = news.pid;
          break;
        case "progress":
          say(news.line);
          break;
        case "ready": {
          const here = thisHost();
          if (news.host.kernel !== here.kernel || news.host.network !== here.network) {
            socket.destroy();
            return failed(elsewhere(place, news.host));
          }
          const { url, version } = news;
          done({ url, version, supervisor, startedHere: isOurs(supervisor), socket, dismissed: () => dismissed });
          break;
        }
        case "refused":
          dismissed = true;
          socket.destroy();
          failed(errorOf(news));
          break;
        case "goodbye":
          dismissed = true;
      }
    });
  });
}

function onNews(stream: Readable, hear: (news: News) => void): void {
  const lines = createInterface({ input: stream });
  lines.on("line", (line) => hear(JSON.parse(line) as News));
  // It repeats the stream's error, which is heard as its end.
  lines.on("error", () => {});
}

/**
 * Starts a supervisor, and waits until it leads or has found that another one does.
 *
 * @returns its pid
 */
async function startSupervisor({ place, findBinaries, background }: JoinOptions): Promise<number | undefined> {
  const program = fileURLToPath(new URL("./supervisor.js", import.meta.url));
  if (!existsSync(program)) {
    throw failure(
      place,
      `${program} is missing: a bundled Taskmaster cannot start a Postgres. Leave it out of the bundle, or set DATABASE_URL.`,
    );
  }
  const { native, version } = findBinaries();
  const log = openSync(pathOf(place, "postgres.log"), "a", 0o600);
  const { NODE_OPTIONS: _, NODE_V8_COVERAGE: __, ...env } = process.env;
  const child = spawn(process.execPath, [program, place, native, version], {
    detached: true,
    cwd: "/",
    stdio: ["ignore", "pipe", log],
    env,
  });
  closeSync(log);
  const said = child.stdout as Socket;
  if (background) {
    child.unref();
    said.unref();
  }
  try {
    await new Promise<void>((done, failed) => {
      child.once("error", failed);
      child.once("exit", (code, signal) => {
        // Killed by somebody, it is as if it had never been; what it says by a code is a fault of its own.
        if (code === 0 || signal) return done();
        const tail = readFileSync(pathOf(place, "postgres.log"), "utf8").trim().split("\n").slice(-12).join("\n");
        failed(failure(place, `The supervisor of the embedded Postgres in ${place} failed:\n${tail}`));
      });
      onNews(said, (news) => (news.type === "refused" ? failed(errorOf(news)) : done()));
    });
    return child.pid;
  } finally {
    said.destroy();
    child.unref();
  }
}

function failure(folder: string, message: string): EmbeddedStartError {
  return new EmbeddedStartError(message, { folder, output: "" });
}
