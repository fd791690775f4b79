/** One more step of a JSON pointer, as it stands in a `$ref`. */
export function pointerStep(pointer: string, key: string | number): string {
  return `${pointer}/${encodeURIComponent(String(key).replaceAll("~", "~0").replaceAll("/", "~1"))}`;
}

/** Where a JSON pointer leads within a value: items of an array by number. */
export function pointerPath(pointer: string, value: unknown): PropertyKey[] {
  let at: unknown = value;
  return pointer
    .split("/")
    .slice(1)
    .map((token) => {
      const name = token.replaceAll("~1", "/").replaceAll("~0", "~");
      const key = Array.isArray(at) ? Number(name) : name;
      at = typeof at === "object" && at !== null ? Reflect.get(at, key) : undefined;
      return key;
    });
}
