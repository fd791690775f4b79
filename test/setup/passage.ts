import { once } from "node:events";
import { connect, createServer, type Socket } from "node:net";
import { onTestFinished } from "vitest";

/** A way to a database on which new connections can be kept waiting or refused, and those that there are cut. Counts who comes. */
export async function passage(url: string) {
  const target = new URL(url);
  let now: "open" | "one more" | "waiting" | "refused" = "open";
  let came = 0;
  const held: Socket[] = [];
  const sockets = new Set<Socket>();
  const pass = (near: Socket) => {
    const far = connect(Number(target.port), target.hostname);
    sockets.add(far);
    far.on("error", () => near.destroy()).on("close", () => near.destroy());
    near.on("close", () => far.destroy());
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
    get came() {
      return came;
    },
  };
}
