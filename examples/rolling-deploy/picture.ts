// Draws what a terminal shows, from standard input with its colours, as SVG on standard output:
//   FORCE_COLOR=1 node run.mjs demo.ts | node run.mjs picture.ts > picture.svg
import { readFileSync } from "node:fs";

const colours: Record<string, string> = {
  "31": "#ff7b72",
  "32": "#7ee787",
  "33": "#e3b341",
  "36": "#79c0ff",
  "2": "#8b949e",
  "1": "#ffffff",
};
const [width, height, size] = [8.4, 19, 14];

const lines = readFileSync(0, "utf8").trimEnd().split("\n").slice(-46);
const columns = Math.max(...lines.map((line) => plain(line).length));

function plain(line: string): string {
  // biome-ignore lint/suspicious/noControlCharactersInRegex: the escape that begins a colour
  return line.replace(/\x1b\[[0-9;]*m/g, "");
}

function escaped(text: string): string {
  return text.replaceAll("&", "&amp;").replaceAll("<", "&lt;").replaceAll(">", "&gt;");
}

/** A line as spans, each in the colour that its escape asks for. */
function spans(line: string): string {
  let colour = "#c9d1d9";
  return line
    .split("\x1b[")
    .map((part, index) => {
      const code = index === 0 ? undefined : /^([0-9;]*)m/.exec(part);
      if (code) colour = colours[code[1] ?? ""] ?? "#c9d1d9";
      const text = code ? part.slice(code[0].length) : part;
      return text === "" ? "" : `<tspan fill="${colour}">${escaped(text)}</tspan>`;
    })
    .join("");
}

const texts = lines.map(
  (line, index) => `<text x="16" y="${30 + index * height}" xml:space="preserve">${spans(line)}</text>`,
);
console.log(`<svg xmlns="http://www.w3.org/2000/svg" width="${Math.ceil(columns * width) + 32}" height="${lines.length * height + 36}" font-family="ui-monospace, Menlo, Consolas, monospace" font-size="${size}">
<rect width="100%" height="100%" rx="8" fill="#0d1117"/>
${texts.join("\n")}
</svg>`);
