/** Zones that Ruby's `%Z` writes by name and that mean one thing alone. */
const offsets: Readonly<Record<string, string>> = {
  UTC: "+00:00",
  GMT: "+00:00",
  WET: "+00:00",
  WEST: "+01:00",
  CET: "+01:00",
  CEST: "+02:00",
  EET: "+02:00",
  EEST: "+03:00",
  MSK: "+03:00",
  JST: "+09:00",
  KST: "+09:00",
  AEST: "+10:00",
  AEDT: "+11:00",
  NZST: "+12:00",
  NZDT: "+13:00",
  EST: "-05:00",
  EDT: "-04:00",
  CDT: "-05:00",
  MST: "-07:00",
  MDT: "-06:00",
  PST: "-08:00",
  PDT: "-07:00",
};

/**
 * When a failure of Resque was, in epoch milliseconds: `2026/11/21 12:44:44 CET` as Resque 1.26 to 3 write it, or a form that says its offset.
 *
 * @param offset of times that do not say their own, or say it by a name that is not known here: `+02:00`
 * @returns undefined where it cannot be known
 */
export function timeOf(text: string | undefined, offset: string | undefined): number | undefined {
  const [, date, time, zone = ""] = /^(\d{4}\/\d\d\/\d\d) (\d\d:\d\d:\d\d)(?: (\S+))?$/.exec(text ?? "") ?? [];
  if (date === undefined) return otherForm(text);
  const known = /^[+-]\d\d:?\d\d$/.test(zone) ? zone : (offsets[zone] ?? offset);
  if (known === undefined) return undefined;
  const at = Date.parse(`${date.replaceAll("/", "-")}T${time}${known.replace(/^(...)(\d\d)$/, "$1:$2")}`);
  return Number.isNaN(at) ? undefined : at;
}

/** ISO, RFC 2822, or JavaScript's own: whatever says its offset. */
function otherForm(text = ""): number | undefined {
  if (!/Z$|GMT|UTC|[+-]\d\d:?\d\d/.test(text)) return undefined;
  const at = Date.parse(text);
  return Number.isNaN(at) ? undefined : at;
}
