import { isAscii } from "node:buffer";
import { open } from "node:fs/promises";
import type { ResumableSource } from "../../contract/iteration.ts";

/** A line of a file. */
export interface Line {
  /** Without its end: `\n` or `\r\n`. */
  readonly text: string;
  /** 1 for the first. */
  readonly number: number;
  /** The byte behind it, its end included: where the next line begins. */
  readonly end: number;
}

interface LinePlace {
  readonly number: number;
  readonly end: number;
}

/**
 * The lines of a UTF-8 file. A later attempt, perhaps on another machine, reads on from the byte where the last one stopped, so the file has to
 * be the same there; lines may be added at its end.
 *
 * @throws {Error} from the loop, where the file is shorter than it was
 *
 * @example
 * for await (const { text } of ctx.each("import", lines("/mnt/uploads/users.csv"))) await importUser(text);
 */
export function lines(path: string): ResumableSource<Line, LinePlace> {
  return {
    cursorOf: ({ number, end }) => ({ number, end }),
    pages: (cursor) => linesFrom(path, cursor ?? { number: 0, end: 0 }),
    async *after(cursor) {
      for await (const some of linesFrom(path, cursor ?? { number: 0, end: 0 })) yield* some;
    },
  };
}

const newline = 10;
const carriageReturn = 13;

async function* linesFrom(path: string, from: LinePlace): AsyncGenerator<Line[]> {
  const file = await open(path);
  try {
    const { size } = await file.stat();
    if (size < from.end)
      throw new Error(
        `${path} has ${size} bytes, and the last attempt read the first ${from.end} of it: it is not the same file any more.`,
      );
    let { number, end } = from;
    let rest: Buffer = Buffer.alloc(0);
    for await (const chunk of file.createReadStream({ start: from.end, autoClose: false }) as AsyncIterable<Buffer>) {
      const data = rest.length > 0 ? Buffer.concat([rest, chunk]) : chunk;
      const { found, begin } = linesOf(data, { number, end });
      const last = found.at(-1);
      if (last) ({ number, end } = last);
      if (found.length > 0) yield found;
      rest = data.subarray(begin);
    }
    if (rest.length > 0) yield [{ text: decode(rest, 0, rest.length), number: ++number, end: end + rest.length }];
  } finally {
    await file.close();
  }
}

/** The whole lines of some bytes, and where the rest of them begins. */
function linesOf(data: Buffer, { number, end }: LinePlace): { readonly found: Line[]; readonly begin: number } {
  const found: Line[] = [];
  let begin = 0;
  if (isAscii(data)) {
    // Cut out of one text, because decoding each line costs more. Only there is a byte a character.
    const all = data.toString("latin1");
    for (let at = all.indexOf("\n"); at >= 0; at = all.indexOf("\n", begin)) {
      const behind = at > begin && all.charCodeAt(at - 1) === carriageReturn ? at - 1 : at;
      end += at + 1 - begin;
      found.push({ text: all.slice(begin, behind), number: ++number, end });
      begin = at + 1;
    }
  } else {
    for (let at = data.indexOf(newline); at >= 0; at = data.indexOf(newline, begin)) {
      end += at + 1 - begin;
      found.push({ text: decode(data, begin, at), number: ++number, end });
      begin = at + 1;
    }
  }
  return { found, begin };
}

function decode(data: Buffer, begin: number, end: number): string {
  return data.toString("utf8", begin, end > begin && data[end - 1] === carriageReturn ? end - 1 : end);
}
