import pg from "pg";
import { DatabaseAddressError } from "../engine/database-errors.ts";
import { publish } from "../engine/events.ts";

/** Which Postgres: the one that is named, or, where none is, an embedded one under `.taskmaster/`. */
export interface LocatedDatabase {
  readonly url: string;
  readonly kind: "given" | "embedded";
  /** For people: host and database, never the password. */
  readonly where: string;
  leave(): Promise<void>;
}

/**
 * @param given a `postgres://` URL; default `DATABASE_URL`, else the embedded Postgres of this folder
 * @throws {EmbeddedPostgresMissingError} where none is named and none is installed
 * @throws {DatabaseAddressError} where the one that is named cannot be read
 */
export async function locateDatabase(given?: string): Promise<LocatedDatabase> {
  const url = given ?? process.env.DATABASE_URL;
  if (url !== undefined && url !== "") {
    assertReadable(url);
    const where = describeUrl(url);
    publish({ event: "database.opened", kind: "given", where });
    return { url, kind: "given", where, leave: async () => {} };
  }
  const { openEmbedded } = await import("../embedded/embedded.ts");
  const embedded = await openEmbedded({});
  const where = `embedded Postgres ${embedded.version} in ${embedded.folder}`;
  publish({ event: "database.opened", kind: "embedded", where });
  return { url: embedded.url, kind: "embedded", where, leave: () => embedded.leave() };
}

/** The driver reads more than a URL: sockets, and files of certificates. What it says of it names no password. */
function assertReadable(url: string): void {
  try {
    new pg.Client({ connectionString: url });
  } catch (error) {
    throw new DatabaseAddressError(
      `The address of the database cannot be read (${error instanceof Error ? error.message : String(error)}). ` +
        "Write postgres://user:password@host:5432/database, with signs such as @ and / in the password as %40 and %2F: in DATABASE_URL, in the configuration, or where it is named by hand.",
      { cause: error },
    );
  }
}

function describeUrl(url: string): string {
  try {
    const { hostname, port, pathname, searchParams } = new URL(url);
    return `Postgres at ${hostname || searchParams.get("host") || "localhost"}:${port || "5432"}${pathname}`;
  } catch {
    return "Postgres at the given address";
  }
}
