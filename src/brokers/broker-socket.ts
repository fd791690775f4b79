import { readFileSync } from "node:fs";
import { connect, isIP, type Socket } from "node:net";
import { type ConnectionOptions, connect as connectTls } from "node:tls";
import { BrokerRefusedError, BrokerUnreachableError, unreachable, withoutPassword } from "./broker-error.ts";

const connectWithinMs = 10_000;
const withTls: ReadonlySet<string> = new Set(["amqps:", "rediss:", "valkeys:"]);

/** Opens a socket to a broker: TLS where the scheme says so (`amqps`, `rediss`). @throws {BrokerUnreachableError} */
export async function openSocket(address: string, defaultPort: number): Promise<Socket> {
  const { hostname, port, protocol } = new URL(address);
  const to = { host: hostname.replace(/^\[|\]$/g, ""), port: Number(port || defaultPort) };
  return new Promise((resolve, reject) => {
    const isTls = withTls.has(protocol);
    const socket = isTls ? connectTls({ ...to, ...tlsOptions(address) }) : connect(to);
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

/** Hands on what comes, and says why nothing more will. */
export function followSocket(
  socket: Socket,
  address: string,
  { received, ended }: { readonly received: (data: Buffer) => void; readonly ended: (error: Error) => void },
): void {
  socket.on("data", received);
  const closed = () => new BrokerUnreachableError(`The broker ${withoutPassword(address)} closed the connection.`);
  // Whoever writes to a connection that was just closed hears of it as an error.
  socket.on("error", (error: NodeJS.ErrnoException) =>
    ended(error.code === "EPIPE" || error.code === "ECONNRESET" ? closed() : unreachable(address, error)),
  );
  socket.on("close", () => ended(closed()));
}

/**
 * As Celery has them in the address of a Redis: `?ssl_ca_certs=` (a file of authorities, instead of those that Node trusts), `?ssl_certfile=` and
 * `?ssl_keyfile=` (our own certificate, where the broker asks for one), `?ssl_cert_reqs=none` (believe anybody).
 *
 * @throws {BrokerRefusedError} where a file cannot be read
 */
function tlsOptions(address: string): ConnectionOptions {
  const { hostname, searchParams } = new URL(address);
  const file = (name: string): string | undefined => {
    const path = searchParams.get(name);
    if (path === null) return undefined;
    try {
      return readFileSync(path, "utf8");
    } catch (error) {
      throw new BrokerRefusedError(
        name,
        `${withoutPassword(address)}: the file of ?${name}= cannot be read: ${error instanceof Error ? error.message : String(error)}`,
      );
    }
  };
  const [ca, cert, key] = [file("ssl_ca_certs"), file("ssl_certfile"), file("ssl_keyfile")];
  return {
    ...(ca !== undefined && { ca }),
    ...(cert !== undefined && { cert }),
    ...(key !== undefined && { key }),
    ...(isIP(hostname.replace(/^\[|\]$/g, "")) === 0 && { servername: hostname }), // an address may not be one
    rejectUnauthorized: !/none$/i.test(searchParams.get("ssl_cert_reqs") ?? ""),
  };
}
