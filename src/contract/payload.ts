import { type Contract, currentRevision, type Revision, revisionAt } from "./contract.ts";
import { TaskmasterError } from "./error.ts";
import { assertJson } from "./json-text.ts";
import { type PayloadIssue, type Validation, validate } from "./schema.ts";
import { leftOut } from "./wire.ts";

/** A payload on its way into the queue, and out of it. */

/** Thrown by an enqueue whose payload the contract does not accept. Nothing was enqueued. */
export class PayloadRefusedError extends TaskmasterError {
  readonly code = "TASKMASTER_PAYLOAD_REFUSED";
  readonly task: string;
  readonly revision: number;
  readonly issues: readonly PayloadIssue[];

  constructor(task: string, revision: number, issues: readonly PayloadIssue[]) {
    super(
      `The payload does not fit revision ${revision} of ${task}: ${listIssues(issues)}. ` +
        "Nothing was enqueued. Mend the call, or, where the payload is meant to change, add a revision: .revise(schema, { upgrade, downgrade }).",
    );
    this.task = task;
    this.revision = revision;
    this.issues = issues;
  }
}

/** Thrown in the worker where a stored payload cannot be read after all; the job is held, and its function is not run. */
export class UnreadablePayloadError extends TaskmasterError {
  readonly code = "TASKMASTER_UNREADABLE_PAYLOAD";
  readonly task: string;
  /** The revision that was refused. */
  readonly revision: number;
  readonly issues: readonly PayloadIssue[];

  constructor(
    task: string,
    revision: number,
    message: string,
    issues: readonly PayloadIssue[] = [],
    options?: ErrorOptions,
  ) {
    super(message, options);
    this.task = task;
    this.revision = revision;
    this.issues = issues;
  }
}

/** A payload as it is stored: the producer's own rendition, and the older ones that its downgrades reach. */
export interface StoredPayload {
  readonly min: number;
  readonly max: number;
  /** JSON text at revision max. */
  readonly text: string;
  /** JSON text of an object of the older renditions by revision number, where there are any. */
  readonly olderText: string | null;
  /** Why an older rendition could not be made: the job then waits for workers of a newer release. */
  readonly skipped?: { readonly revision: number; readonly reason: string };
}

/**
 * Validates a payload for the queue and makes its renditions.
 *
 * @throws {NotJsonError} where it is not JSON
 * @throws {PayloadRefusedError} where the current revision's schema refuses it, or would without what it does not describe
 */
export function storePayload(contract: Contract, payload: unknown): StoredPayload | Promise<StoredPayload> {
  const current = currentRevision(contract);
  assertJson(payload, `The payload of ${contract.name}`);
  const kept = current.wire().prune(payload);
  const text = JSON.stringify(kept); // before a validator that takes its time: the caller may change its object meanwhile
  if (kept !== payload) return storePruned(contract, current, { payload, kept, text });
  // No closures on the way of nearly every payload: what is allocated for each of a thousand is collected while they are written.
  const validation = validate(current.schema, payload);
  return validation instanceof Promise
    ? storeLater(contract, current, text, validation)
    : store(contract, current, text, validation);
}

function store(
  contract: Contract,
  current: Revision,
  text: string,
  validation: Validation,
): StoredPayload | Promise<StoredPayload> {
  if (!validation.ok) throw new PayloadRefusedError(contract.name, current.number, validation.issues);
  return withOlder(contract, current, text);
}

async function storeLater(
  contract: Contract,
  current: Revision,
  text: string,
  validation: Promise<Validation>,
): Promise<StoredPayload> {
  return store(contract, current, text, await validation);
}

/** Where the schema does not declare all that the payload has. */
function storePruned(
  contract: Contract,
  current: Revision,
  { payload, kept, text }: { readonly payload: unknown; readonly kept: unknown; readonly text: string },
): StoredPayload | Promise<StoredPayload> {
  const alone = current.wire().standsAlone(payload, kept);
  const refused = (issues: readonly PayloadIssue[]) => new PayloadRefusedError(contract.name, current.number, issues);
  const storeAlone = (result: Validation) => {
    if (!result.ok) throw refused([needsUndescribed(payload, kept, result.issues)]);
    return withOlder(contract, current, text);
  };
  const storeKept = (result: Validation) => {
    if (!result.ok) throw refused(result.issues);
    if (!alone) throw refused([needsUndescribed(payload, kept)]);
    // The validator may see more than its JSON Schema says.
    const again = validate(current.schema, JSON.parse(text));
    return again instanceof Promise ? again.then(storeAlone) : storeAlone(again);
  };
  const validation = validate(current.schema, payload);
  return validation instanceof Promise ? validation.then(storeKept) : storeKept(validation);
}

/** Why a payload that fits cannot be stored: only with what its schema does not describe does it fit. */
function needsUndescribed(payload: unknown, kept: unknown, issues: readonly PayloadIssue[] = []): PayloadIssue {
  const [first = "", ...others] = leftOut(payload, kept);
  const also = others.length === 0 ? "" : ` (nor ${others.slice(0, 4).join(", ")}${others.length > 4 ? " …" : ""})`;
  const why = issues.length === 0 ? "" : ` (${listIssues(issues)})`;
  return {
    path: first,
    message:
      `the schema does not describe it${also}, so it is not stored; and what is left does not fit${why}. Describe it in the schema: ` +
      "as a property, or by a schema for all further properties (additionalProperties; in Zod .catchall() or z.looseObject())",
  };
}

function withOlder(contract: Contract, current: Revision, text: string): StoredPayload | Promise<StoredPayload> {
  if (current.downgrade !== undefined && current.number !== contract.revisions[0].number)
    return storeOlder(contract, current, text);
  return { min: current.number, max: current.number, text, olderText: null };
}

/** Downgrades as far as the chain's downgrades reach, each rendition validated by the revision that will read it. */
async function storeOlder(contract: Contract, current: Revision, text: string): Promise<StoredPayload> {
  const older: string[] = [];
  let payload: unknown = JSON.parse(text);
  let min = current.number;
  let skipped: { revision: number; reason: string } | undefined;
  for (let from = current; from.downgrade !== undefined; ) {
    const to = revisionAt(contract, from.number - 1);
    if (to === undefined) break;
    try {
      const downgraded = await from.downgrade(payload);
      assertJson(downgraded, `The payload of ${contract.name}, downgraded to revision ${to.number},`);
      const result = await validate(to.schema, downgraded);
      if (!result.ok) throw new Error(listIssues(result.issues));
      payload = await prunedAlone(to, downgraded);
      older.push(`"${to.number}":${JSON.stringify(payload)}`);
    } catch (error) {
      skipped = { revision: to.number, reason: error instanceof Error ? error.message : String(error) };
      break;
    }
    min = to.number;
    from = to;
  }
  return {
    min,
    max: current.number,
    text,
    olderText: older.length > 0 ? `{${older.join(",")}}` : null,
    ...(skipped && { skipped }),
  };
}

/** @throws {Error} where it would not fit without what the schema does not describe */
async function prunedAlone(revision: Revision, payload: unknown): Promise<unknown> {
  const kept = revision.wire().prune(payload);
  if (kept === payload) return kept;
  const alone = revision.wire().standsAlone(payload, kept);
  const result = alone ? await validate(revision.schema, kept) : undefined;
  if (result?.ok === true) return kept;
  const { path, message } = needsUndescribed(payload, kept, result?.issues);
  throw new Error(`${path}: ${message}`);
}

/**
 * Upgrades a stored rendition to the current revision and validates it: what the task's function gets.
 * Answers at once where nothing on the way takes its time, as nearly always: a promise for each job would cost more than the reading.
 *
 * @throws {UnreadablePayloadError} (or rejects with it) where an upgrade or the validator throws, or the schema refuses the result
 */
export function readPayload(contract: Contract, rendition: number, stored: unknown): unknown {
  const current = currentRevision(contract);
  if (rendition === current.number) return accepted(contract, rendition, stored);
  if (revisionAt(contract, rendition) === undefined)
    throw new UnreadablePayloadError(
      contract.name,
      rendition,
      `This release of ${contract.name} reads the revisions ${contract.revisions[0].number} to ${current.number}, not ${rendition}.`,
    );
  const payload = upgraded(contract, rendition + 1, stored);
  return payload instanceof Promise
    ? payload.then((value) => accepted(contract, rendition, value))
    : accepted(contract, rendition, payload);
}

/** Through the upgrades of the revisions from this one on. */
function upgraded(contract: Contract, first: number, stored: unknown): unknown {
  let payload = stored;
  for (let number = first; number <= currentRevision(contract).number; number++) {
    try {
      payload = revisionAt(contract, number)?.upgrade?.(payload);
    } catch (error) {
      throw upgradeThrew(contract, number, error);
    }
    if (isThenable(payload))
      return Promise.resolve(payload).then(
        (value) => upgraded(contract, number + 1, value),
        (error: unknown) => {
          throw upgradeThrew(contract, number, error);
        },
      );
  }
  return payload;
}

function upgradeThrew(contract: Contract, number: number, error: unknown): UnreadablePayloadError {
  return new UnreadablePayloadError(
    contract.name,
    number,
    `The upgrade of ${contract.name} from revision ${number - 1} to ${number} threw: ${reasonOf(error)}`,
    [],
    { cause: error },
  );
}

/** What the current revision's schema makes of it. */
function accepted(contract: Contract, rendition: number, payload: unknown): unknown {
  const { schema, number } = currentRevision(contract);
  const from = () => (rendition === number ? "" : `, upgraded from revision ${rendition}`);
  const threw = (error: unknown) =>
    new UnreadablePayloadError(
      contract.name,
      number,
      `The validator of revision ${number} of ${contract.name} threw at the stored payload${from()}: ${reasonOf(error)}`,
      [],
      { cause: error },
    );
  const unwrap = (result: Validation): unknown => {
    if (result.ok) return result.value;
    const where = from();
    throw new UnreadablePayloadError(
      contract.name,
      number,
      `The stored payload${where === "" ? "" : `${where},`} does not fit revision ${number} of ${contract.name}: ${listIssues(result.issues)}.`,
      result.issues,
    );
  };
  let result: Validation | Promise<Validation>;
  try {
    result = validate(schema, payload);
  } catch (error) {
    throw threw(error);
  }
  return result instanceof Promise
    ? result.then(unwrap, (error: unknown) => {
        throw threw(error);
      })
    : unwrap(result);
}

function isThenable(value: unknown): value is PromiseLike<unknown> {
  return typeof value === "object" && value !== null && typeof (value as { then?: unknown }).then === "function";
}

function reasonOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}

function listIssues(issues: readonly PayloadIssue[]): string {
  const shown = issues.slice(0, 5).map(({ path, message }) => (path === "" ? message : `${path}: ${message}`));
  return `${shown.join("; ")}${issues.length > 5 ? `; and ${issues.length - 5} more` : ""}`;
}
