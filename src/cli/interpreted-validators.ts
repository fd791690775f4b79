/**
 * Asks Zod to interpret its schemas and not to compile each of them first: a check asks a validator a dozen times, and compiling the
 * validators of a thousand tasks takes seconds. To be called before the tasks are loaded. What is accepted stays the same, and
 * a version of Zod that does not know the setting is only slower.
 */
export function interpretValidators(): void {
  const global = globalThis as { __zod_globalConfig?: object };
  global.__zod_globalConfig = { ...global.__zod_globalConfig, jitless: true };
}
