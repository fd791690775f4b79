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
 */
export async function locateDatabase(given?: string): Promise<LocatedDatabase> {
  const url = given ?? process.env.DATABASE_URL;
  if (url !== undefined && url !== "") {
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

function describeUrl(url: string): string {
  try {
    const { hostname, port, pathname, searchParams } = new URL(url);
    return `Postgres at ${hostname || searchParams.get("host") || "localhost"}:${port || "5432"}${pathname}`;
  } catch {
    return "Postgres at the given address";
  }
}
