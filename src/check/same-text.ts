/**
 * Whether two values have the same JSON text, with their keys in the same order: what is committed is compared with what would be written.
 * Writing both out takes several times as long, and nearly always nearly everything is the same.
 */
export function isSameText(one: unknown, other: unknown): boolean {
  if (one === other) return true;
  if (typeof one !== "object" || typeof other !== "object" || one === null || other === null) return false;
  if (Array.isArray(one) || Array.isArray(other)) {
    if (!Array.isArray(one) || !Array.isArray(other) || one.length !== other.length) return false;
    return one.every((item, index) => isSameText(item, other[index]));
  }
  const keys = writtenKeys(one);
  const others = writtenKeys(other);
  if (keys.length !== others.length) return false;
  for (let index = 0; index < keys.length; index++) {
    const key = keys[index] as string;
    if (key !== others[index]) return false;
    if (!isSameText((one as Record<string, unknown>)[key], (other as Record<string, unknown>)[key])) return false;
  }
  return true;
}

/** What is undefined is not written. */
function writtenKeys(value: object): string[] {
  const keys = Object.keys(value);
  for (const key of keys)
    if ((value as Record<string, unknown>)[key] === undefined)
      return keys.filter((each) => (value as Record<string, unknown>)[each] !== undefined);
  return keys;
}
