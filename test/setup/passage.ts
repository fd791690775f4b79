import { once } from "node:events";
import { connect, createServer, type Socket } from "node:net";
import { onTestFinished } from "vitest";

/**
 * A way to a database on which new connections can be kept waiting or refused, and those that there are cut. Counts who comes.
 *
 * @param said answers to connections that have ever said this can be kept waiting
 */
export async function passage(url: string, said?: string) {
  const target = new URL(url);
  let now: "open" | "one more" | "waiting" | "refused" = "open";
  let came = 0;
  const held: Socket[] = [];
  const sockets = new Set<Socket>();
  const sayers = new Map<Socket, Socket>();
  let isKept = false;
  const pass = (near: Socket) => {
    const far = connect(Number(target.port), target.hostname);
    sockets.add(far);
    far.on("error", () => near.destroy()).on("close", () => near.destroy());
    near.on("close", () => far.destroy());
    if (said !== undefined)
      near.on("data", (data) => {
        if (data.includes(said)) sayers.set(near, far);
        if (isKept && sayers.has(near)) far.unpipe().pause();
      });
    near.pipe(far).pipe(near);
  };
  const server = createServer((near) => {
    came++;
    sockets.add(near);
    near.on("error", () => {});
    if (now === "refused") near.destroy();
    else if (now === "waiting") held.push(near);
    else {
      if (now === "one more") now = "refused";
      pass(near);
    }
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  onTestFinished(() => {
    server.close();
    for (const socket of sockets) socket.destroy();
  });
  const { port } = server.address() as { port: number };
  return {
    url: Object.assign(new URL(url), { host: `127.0.0.1:${port}` }).href,
    let(next: typeof now) {
      now = next;
      if (next === "open") for (const near of held.splice(0)) pass(near);
    },
    cut() {
      for (const socket of sockets) socket.destroy();
    },
    keepAnswers() {
      isKept = true;
      for (const far of sayers.values()) far.unpipe().pause();
    },
    letAnswers() {
      isKept = false;
      for (const [near, far] of sayers) far.pipe(near);
    },
    /** Connections that have said it. */
    get sayers() {
      return sayers.size;
    },
    get came() {
      return came;
    },
  };
}
