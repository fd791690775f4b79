import { execFileSync } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { onTestFinished } from "vitest";
import { freePortWithBus, hasProgram, ownRedis } from "./brokers.ts";

export const hasOpenssl = hasProgram("openssl", "version");

export interface TlsRedis {
  /** Without TLS. */
  readonly plain: string;
  /** `rediss://…/0`, whose certificate nobody trusts who has not been told of it. */
  readonly address: string;
  readonly certificate: string;
}

/** A Redis of this test's own that speaks TLS too, by a certificate that has signed itself. */
export async function ownTlsRedis(password: string): Promise<TlsRedis> {
  const folder = mkdtempSync(join(tmpdir(), "taskmaster-tls-"));
  onTestFinished(() => rmSync(folder, { recursive: true, force: true }));
  const [key, certificate] = [join(folder, "key.pem"), join(folder, "cert.pem")];
  const subject = ["-subj", "/CN=localhost", "-addext", "subjectAltName=DNS:localhost,IP:127.0.0.1"];
  const files = ["-keyout", key, "-out", certificate];
  execFileSync("openssl", ["req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", ...files, ...subject], {
    stdio: "ignore",
  });
  const port = await freePortWithBus();
  const tls = ["--tls-port", String(port), "--tls-cert-file", certificate, "--tls-key-file", key];
  const plain = await ownRedis(password, ...tls, "--tls-auth-clients", "no", "--tls-ca-cert-file", certificate);
  return { plain, address: `rediss://:${password}@127.0.0.1:${port}/0`, certificate };
}
