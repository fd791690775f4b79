import { connect, type Socket } from "node:net";
import { connect as connectTls } from "node:tls";
import { BrokerUnreachableError, unreachable, withoutPassword } from "./broker-error.ts";

const connectWithinMs = 10_000;

/** Opens a socket to a broker: TLS where the scheme ends in `s`. @throws {BrokerUnreachableError} */
export function openSocket(address: string, defaultPort: number): Promise<Socket> {
  const { hostname, port, protocol } = new URL(address);
  const to = { host: hostname.replace(/^\[|\]$/g, ""), port: Number(port || defaultPort) };
  return new Promise((resolve, reject) => {
    const isTls = protocol === "amqps:" || protocol === "rediss:";
    const socket = isTls ? connectTls({ ...to, servername: to.host }) : connect(to);
    const timer = setTimeout(() => {
      socket.destroy();
      reject(
        new BrokerUnreachableError(
          `The broker ${withoutPassword(address)} cannot be reached: it has not answered within 10s.`,
        ),
      );
    }, connectWithinMs);
    const failed = (error: NodeJS.ErrnoException) => {
      clearTimeout(timer);
      reject(unreachable(address, error));
    };
    socket.once("error", failed);
    socket.once(isTls ? "secureConnect" : "connect", () => {
      clearTimeout(timer);
      socket.off("error", failed);
      socket.setNoDelay(true);
      resolve(socket);
    });
  });
}
