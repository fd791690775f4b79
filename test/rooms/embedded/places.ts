import { type ChildProcess, execFileSync, spawn } from "node:child_process";
import { once } from "node:events";
import {
  chmodSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  realpathSync,
  rmSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";
import { Client } from "pg";
import { afterAll, afterEach, expect } from "vitest";
import { type EmbeddedDatabase, openEmbedded } from "../../../src/embedded/embedded.ts";
import { latest } from "../../../src/embedded/leadership.js";

const source = fileURLToPath(new URL("../../../src/embedded/embedded.ts", import.meta.url));
const program = fileURLToPath(new URL("./member.mjs", import.meta.url));

export const isRoot = process.getuid?.() === 0;
/** Other users can look into temporary folders by default, and npm's binaries are readable: nobody needs more. */
export const nobody = { uid: 65_534, gid: 65_534 };

type Opened = Pick<EmbeddedDatabase, "url" | "version" | "folder" | "startedHere">;

/** A process that is a member. */
export interface Member extends Opened {
  readonly child: ChildProcess;
  readonly progress: readonly string[];
  leave(): Promise<void>;
  /** With its whole process group, as Ctrl-C and a closing terminal do it. */
  kill(signal: "SIGKILL" | "SIGINT"): Promise<void>;
  /** Goes to the end of its script without leaving. */
  forget(): Promise<void>;
}

/** How opening failed in another process. */
class Refused extends Error {
  readonly code: string;

  constructor({ code, message }: { code: string; message: string }) {
    super(message);
    this.code = code;
  }
}

const children = new Set<ChildProcess>();
const folders = new Set<string>();
const places = new Set<string>();

/** An empty folder that is removed after the test, together with whatever runs in it. */
export function emptyFolder(): string {
  const folder = realpathSync(mkdtempSync(join(tmpdir(), "embedded-test-")));
  // As a project would be: open to the user that Postgres runs as under root.
  chmodSync(folder, 0o755);
  folders.add(folder);
  return folder;
}

let made: string | undefined;

/** A folder in which Postgres has run before: a copy of one, which is a database of its own. */
export async function usedFolder(): Promise<string> {
  if (!made) {
    made = mkdtempSync(join(tmpdir(), "embedded-test-made-"));
    const database = await openEmbedded({ folder: made });
    await database.leave();
    await closePlace(made);
  }
  const folder = emptyFolder();
  execFileSync("cp", ["-a", `${made}/.`, folder]);
  return folder;
}

afterAll(() => {
  if (made) rmSync(made, { recursive: true, force: true });
});

/** Opens in this process. */
export async function openHere(folder: string): Promise<EmbeddedDatabase> {
  const database = await openEmbedded({ folder });
  places.add(database.folder);
  return database;
}

export async function startMember(
  folder: string | undefined,
  options: { source?: string; cwd?: string; user?: { uid: number; gid: number }; through?: string[] } = {},
): Promise<Member> {
  const command = [...(options.through ?? []), process.execPath, program, options.source ?? source, folder ?? ""];
  const env = { ...process.env, JITI_FS_CACHE: options.user ? "false" : "true" };
  const [name = "", ...rest] = command;
  const child = spawn(name, rest, {
    ...options.user,
    cwd: options.cwd ?? "/",
    // As a shell does it: what the terminal sends goes to the whole process group.
    detached: true,
    stdio: ["pipe", "pipe", "inherit"],
    env,
  });
  children.add(child);
  const exited = once(child, "exit");
  const progress: string[] = [];
  let hearLeft = () => {};
  const opened = await new Promise<Opened>((done, failed) => {
    createInterface({ input: child.stdout }).on("line", (line) => {
      const news = JSON.parse(line);
      if (news.progress) progress.push(news.progress);
      if (news.opened) done(news.opened);
      if (news.refused) failed(new Refused(news.refused));
      if (news.left) hearLeft();
    });
    void exited.then(() => failed(new Error("the member ended")));
  });
  places.add(opened.folder);
  return {
    ...opened,
    child,
    progress,
    async leave() {
      const left = new Promise<void>((done) => {
        hearLeft = done;
      });
      child.stdin.write("leave\n");
      await left;
    },
    async kill(signal) {
      process.kill(-(child.pid ?? 0), signal);
      await exited;
    },
    async forget() {
      child.stdin.write("forget\n");
      await exited;
    },
  };
}

export async function query(url: string, text: string): Promise<Record<string, unknown>[]> {
  const client = new Client({ connectionString: url });
  await client.connect();
  try {
    return (await client.query(text)).rows;
  } finally {
    await client.end();
  }
}

export function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    if (process.platform !== "linux") return true;
    // A process whose parent does not care has ended all the same, once all its threads have: the first one may end
    // before the others, which still hold the files.
    const ended = /^State:\s+Z/m.test(readFileSync(`/proc/${pid}/status`, "utf8"));
    return !ended || readdirSync(`/proc/${pid}/task`).length > 1;
  } catch {
    return false;
  }
}

/** The one place where these tests wait by asking again: for the end of processes that are not their children. */
export async function until(happened: () => boolean | Promise<boolean>, what: string): Promise<void> {
  const limit = Date.now() + 15_000;
  while (!(await happened())) {
    if (Date.now() > limit) throw new Error(`waited 15 seconds for: ${what}`);
    await new Promise((next) => setTimeout(next, 10));
  }
}

export const gone = (pid: number) => until(() => !isAlive(pid), `the end of process ${pid}`);

export function supervisorOf(place: string): number {
  const published = latest(place);
  if (!published) throw new Error(`${place} has never had a supervisor`);
  return published.pid;
}

/** The pid of a place's Postgres, 0 where there is none. */
export function postgresOf(place: string): number {
  try {
    return Number(readFileSync(join(place, "data/postmaster.pid"), "utf8").split("\n")[0]);
  } catch {
    return 0;
  }
}

/** Ends every process of a place in order, and checks that nothing is left. */
export async function closePlace(place: string): Promise<void> {
  const supervisor = existsSync(place) ? latest(place)?.pid : undefined;
  if (supervisor && isAlive(supervisor)) process.kill(supervisor, "SIGTERM");
  if (supervisor) await gone(supervisor);
  expect(existsSync(join(place, "data/postmaster.pid"))).toBe(false);
}

afterEach(async () => {
  for (const child of children) child.kill("SIGKILL");
  children.clear();
  for (const place of places) {
    await closePlace(place);
    rmSync(place, { recursive: true, force: true });
  }
  places.clear();
  for (const folder of folders) rmSync(folder, { recursive: true, force: true });
  folders.clear();
});

/** A folder inside a folder, made with all above it. */
export function subfolder(...parts: string[]): string {
  const folder = join(...parts);
  mkdirSync(folder, { recursive: true });
  return folder;
}
