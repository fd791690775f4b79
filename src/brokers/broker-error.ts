import { TaskmasterError } from "../contract/error.ts";

/** Thrown where a broker does not answer: nothing listens there, its name is unknown, or it died in the middle. */
export class BrokerUnreachableError extends TaskmasterError {
  readonly code = "TASKMASTER_BROKER_UNREACHABLE";
}

/** Thrown where a broker answers and says no: wrong credentials, a virtual host that does not exist, a right that is missing. */
export class BrokerRefusedError extends TaskmasterError {
  readonly code = "TASKMASTER_BROKER_REFUSED";
  /** The protocol's own word for it, such as `404` (AMQP) or `WRONGPASS` (Redis). */
  readonly reason: string;

  constructor(reason: string, message: string) {
    super(message);
    this.reason = reason;
  }
}

/** An address for people: without its password. */
export function withoutPassword(address: string): string {
  const url = new URL(address);
  if (url.password !== "") url.password = "***";
  return url.href;
}

const untrusted =
  "its certificate is signed by nobody whom this machine trusts. Name the file of the authority: ?ssl_ca_certs=/etc/ssl/ca.pem, or in NODE_EXTRA_CA_CERTS";

const meanings: Readonly<Record<string, string>> = {
  ECONNREFUSED: "nothing listens there",
  ENOTFOUND: "its name is unknown",
  EAI_AGAIN: "its name cannot be looked up",
  ETIMEDOUT: "it does not answer",
  ECONNRESET: "it closed the connection",
  DEPTH_ZERO_SELF_SIGNED_CERT: untrusted,
  SELF_SIGNED_CERT_IN_CHAIN: untrusted,
  UNABLE_TO_VERIFY_LEAF_SIGNATURE: untrusted,
  UNABLE_TO_GET_ISSUER_CERT_LOCALLY: untrusted,
  ERR_TLS_CERT_ALTNAME_INVALID: "its certificate is for another name than the address has",
  CERT_HAS_EXPIRED: "its certificate has expired",
  EPROTO: "it does not speak TLS at this port",
};

/** What a socket's error means, as a sentence. */
export function unreachable(address: string, error: NodeJS.ErrnoException): BrokerUnreachableError {
  return new BrokerUnreachableError(
    `The broker ${withoutPassword(address)} cannot be reached: ${meanings[error.code ?? ""] ?? (/wrong version number/.test(error.message) ? meanings.EPROTO : error.message)}. Is it running, and is the address right?`,
    { cause: error },
  );
}
