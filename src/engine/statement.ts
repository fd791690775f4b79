/**
 * Every SQL statement of the engine, by name. A statement stands in the file of its verb, is prepared under its name
 * once per connection, and is known to one test that prepares them all against the migrated schema.
 */
export interface Statement {
  /** The name under which the server keeps it prepared. */
  readonly name: string;
  readonly text: string;
}

const statements = new Map<string, Statement>();

/** @throws {Error} where two statements share a name: the server would run the one for the other */
export function statement(name: string, text: string): Statement {
  if (statements.has(name)) throw new Error(`Two SQL statements are named ${name}.`);
  const made = { name: `taskmaster_${name}`, text };
  statements.set(name, made);
  return made;
}

/** Every statement of the files imported so far. */
export function allStatements(): readonly Statement[] {
  return [...statements.values()];
}

/** Marks a text as SQL for people and editors. Takes no values: those are parameters. */
export function sql(strings: TemplateStringsArray): string {
  return strings.raw.join("");
}
