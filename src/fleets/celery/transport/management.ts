import { BrokerRefusedError, BrokerUnreachableError, withoutPassword } from "../../../brokers/broker-error.ts";

/**
 * RabbitMQ's management plugin (https://www.rabbitmq.com/docs/management#http-api): the only one that can say which mailboxes there are. In the broker's
 * address: `?management=http://user:password@host:15672`, without a user there with the broker's. Where none is named, it is looked for at its usual port,
 * with the credentials that the broker has got in the clear already; `?management=off` leaves that out.
 */
export class Management {
  readonly #address: URL;
  readonly #broker: URL;
  readonly #isNamed: boolean;
  #isThere = true;

  private constructor(address: string, broker: URL, isNamed: boolean) {
    if (!URL.canParse(address))
      throw new BrokerRefusedError("management", "?management= is no address. Write one such as http://host:15672");
    this.#address = new URL(address);
    this.#broker = broker;
    this.#isNamed = isNamed;
  }

  static of(broker: string): Management | undefined {
    const url = new URL(broker);
    const named = url.searchParams.get("management");
    if (named === "off" || (named === null && url.protocol !== "amqp:")) return undefined;
    return new Management(named ?? `http://${url.hostname}:15672`, url, named !== null);
  }

  /** Names of the queues that an exchange leads to; undefined where the plugin was not named and is not there. @throws {BrokerUnreachableError | BrokerRefusedError} */
  async boundTo(exchange: string): Promise<string[] | undefined> {
    if (!this.#isThere) return undefined;
    try {
      return await this.#ask(exchange);
    } catch (error) {
      if (this.#isNamed) throw error;
      this.#isThere = false;
      return undefined;
    }
  }

  async #ask(exchange: string): Promise<string[]> {
    const vhost = this.#broker.pathname.slice(1) || "%2F";
    const path = `api/exchanges/${vhost}/${encodeURIComponent(exchange)}/bindings/source`;
    const { username, password } = this.#address.username === "" ? this.#broker : this.#address;
    const [user, secret] = [decodeURIComponent(username) || "guest", decodeURIComponent(password) || "guest"];
    const url = new URL(path, `${this.#address.origin}${this.#address.pathname.replace(/\/?$/, "/")}`);
    const where = withoutPassword(this.#address.href);
    const answer = await fetch(url, {
      headers: { authorization: `Basic ${Buffer.from(`${user}:${secret}`).toString("base64")}` },
      signal: AbortSignal.timeout(this.#isNamed ? 10_000 : 1_500),
    }).catch((error: unknown) => {
      throw new BrokerUnreachableError(
        `RabbitMQ's management at ${where} cannot be reached. Is the plugin on (rabbitmq-plugins enable rabbitmq_management), and is ?management= right?`,
        { cause: error },
      );
    });
    if (answer.status === 404) return [];
    if (!answer.ok)
      throw new BrokerRefusedError(
        String(answer.status),
        `RabbitMQ's management at ${where} refuses (${answer.status} ${answer.statusText}): the user needs the tag management. Write one into ?management=http://user:password@host:15672`,
      );
    const bindings: unknown = await answer.json();
    if (!Array.isArray(bindings))
      throw new BrokerRefusedError("management", `At ${where} there is no RabbitMQ's management.`);
    return bindings.map(({ destination }: { destination: string }) => destination);
  }
}
