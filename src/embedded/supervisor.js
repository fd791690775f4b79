// @ts-check

// The process that owns the Postgres of one place. It is plain JavaScript, and so is what it loads, because Node.js
// runs it as it is: from src/ without a loader for TypeScript, and from dist/.
//
// Whoever uses the Postgres holds a connection to this process, and is a member while it lasts: the kernel closes it
// however the member ends. The first member starts this process, in a session of its own, so that neither Ctrl-C nor
// the end of a terminal reaches it.
//
//  1. One supervisor in a place (leadership.js), one Postgres on its data (postgres.js).
//  2. Postgres runs while there is a member. It is stopped when there has been none for the linger, and started again
//     where one came while it was stopping. A Postgres that ends by itself is started again, on the same port.
//  3. The place is given up only after Postgres has stopped: whoever finds nobody supervising can start at once.
//  4. Every member hears `hello` at once, and then `ready` or `refused`; one that hears `goodbye` does not come back.
//
// Arguments: the place, the folder of the installed binaries, their version. Once it supervises, it writes a line to its
// standard output, or why it cannot; where another process does, it ends in silence. Its standard error is the log of the place.

import { copyFileSync, fstatSync, ftruncateSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { connectionOf, own, prepareData } from "./cluster.js";
import { heartbeatMilliseconds, lead, thisHost } from "./leadership.js";
import { usableBinaries } from "./native.js";
import { startPostgres } from "./postgres.js";
import { Refusal, refusalOf } from "./refusal.js";
import { postgresUser } from "./user.js";

/** Long enough for a script's next command to find Postgres running. */
const lingerMilliseconds = 1_500;
const logBytes = 5_000_000;
/** A Postgres that ends this often, each time within ten seconds, is not started again. */
const mostCrashes = 5;

const [place = "", native = "", version = ""] = process.argv.slice(2);
const logFile = join(place, "postgres.log");

process.stdout.on("error", () => {});
/** @param {object} news */
const tellStarter = (news) => process.stdout.write(`${JSON.stringify(news)}\n`);

const leadership = await lead(place).catch((error) => {
  tellStarter(refusalNews(error));
});
if (!leadership) process.exit(0);
process.title = `taskmaster: Postgres of ${place}`;
tellStarter({ type: "supervising" });

/** @typedef {{ at: "starting" | "stopping" } | { at: "running" | "failed", news: object }} State */
/** @type {State} */
let state = { at: "starting" };
/** @type {Set<import("node:net").Socket>} */
const members = new Set();
let askedToStop = false;
let wiped = false;
/** @type {() => void} */
let wake = () => {};
/** @type {NodeJS.Timeout | undefined} */
let linger;

function watchMembers() {
  clearTimeout(linger);
  if (members.size === 0) linger = setTimeout(() => wake(), lingerMilliseconds);
}

/**
 * @param {import("node:net").Socket} member
 * @param {object} news
 */
const tell = (member, news) => member.write(`${JSON.stringify(news)}\n`);

/** @param {object} news */
const tellAll = (news) => {
  for (const member of members) tell(member, news);
};

/**
 * What has been said since the start, for members who come in the middle of it.
 *
 * @type {string[]}
 */
let said = [];

/** @param {string} line */
function say(line) {
  said.push(line);
  tellAll({ type: "progress", line });
}

/** @param {string} line */
const log = (line) => process.stderr.write(`${new Date().toISOString()} [${process.pid}] supervisor: ${line}\n`);

/** @param {State} next */
function enter(next) {
  state = next;
  log(next.at);
  if (next.at === "running") said = [];
  if ("news" in next) tellAll(next.news);
}

leadership.server.on("connection", (member) => {
  members.add(member);
  watchMembers();
  member.on("error", () => {});
  member.on("close", () => {
    members.delete(member);
    watchMembers();
  });
  member.resume();
  tell(member, { type: "hello", pid: process.pid });
  for (const line of said) tell(member, { type: "progress", line });
  if ("news" in state) tell(member, state.news);
  if (state.at === "failed") wake();
});

/** Resolves when there is nobody left, when a signal asks for the end, or when the place is gone. */
function reasonToStop() {
  return new Promise((done) => {
    wake = () => (askedToStop || members.size === 0) && done(undefined);
    if (askedToStop) wake();
    watchMembers();
  });
}

function askToStop() {
  askedToStop = true;
  wake();
}
for (const signal of /** @type {const} */ (["SIGTERM", "SIGINT", "SIGHUP"])) process.on(signal, askToStop);

/** Whether the place is still there; where it was removed, its data is gone and Postgres with it. */
function beat() {
  wiped ||= !leadership?.beat();
}

/** Postgres writes to the same open file, always to its end: it can be copied and emptied under its hands. */
function trimLog() {
  if (fstatSync(2).size < logBytes) return;
  try {
    copyFileSync(logFile, `${logFile}.1`);
  } catch {
    // A disk without room for the copy is all the more reason to empty the original.
  }
  ftruncateSync(2);
}

const pulse = setInterval(() => {
  beat();
  if (wiped) askToStop();
  else trimLog();
}, heartbeatMilliseconds);

async function supervise() {
  const user = postgresUser(place);
  own(logFile, user);
  trimLog();
  const bin = join(await usableBinaries({ native, version, place, user, say }), "bin");
  const programs = { bin, user, log: logFile };
  const data = await prepareData(place, version, programs, say);
  const connection = await connectionOf(place, programs);
  let keepPort = false;
  for (let crashes = 0; crashes < mostCrashes; ) {
    enter({ at: "starting" });
    const postgres = await startPostgres(programs, data, () => connection.choosePort(keepPort), say);
    const startedAt = Date.now();
    const news = { type: "ready", url: connection.url, version, host: thisHost() };
    enter({ at: "running", news });
    keepPort = true;
    const left = await Promise.race([postgres.exited.then(() => false), reasonToStop().then(() => true)]);
    if (left) {
      enter({ at: "stopping" });
      beat();
      await postgres.stop(wiped ? "immediate" : "fast");
      if (askedToStop || members.size === 0) return;
      keepPort = false;
    } else {
      log("Postgres ended by itself");
      if (members.size === 0) return;
      crashes = Date.now() - startedAt < 10_000 ? crashes + 1 : 0;
    }
  }
  const message = `The embedded Postgres in ${place} ended by itself ${mostCrashes} times in a row. Read ${logFile}, or set DATABASE_URL to a Postgres of your own.`;
  throw new Refusal("START", message, { folder: place, output: "" });
}

/** @param {unknown} error */
function refusalNews(error) {
  const { kind, message, fields } = refusalOf(error, place);
  return { type: "refused", kind, message, fields };
}

/** @param {unknown} error */
async function refuse(error) {
  const news = refusalNews(error);
  log(news.message);
  enter({ at: "failed", news });
  // Whoever started this process is about to connect.
  if (members.size > 0) return;
  await new Promise((done) => {
    wake = () => done(undefined);
    watchMembers();
  });
}

await supervise().catch(refuse);
clearInterval(pulse);
// A member that came in this moment is cut off without a goodbye, and starts the next supervisor.
leadership.end();
const closed = [...members].map((member) => new Promise((done) => member.once("close", done)));
for (const member of members) member.end(askedToStop ? `${JSON.stringify({ type: "goodbye" })}\n` : "");
await Promise.race([Promise.all(closed), delay(1_000)]);
process.exit(0);
