import { type LogLevel, logLevels } from "./format-line.ts";

export interface LogRecord {
  /** ms since the epoch; the line's local time in this process's time zone. */
  time: number;
  level: LogLevel;
  component: string;
  message: string;
  /** In the order of the line. Everything is text: a line does not tell 1 from "1". */
  fields: Record<string, string>;
}

const HEAD = /^(\d{4})-(\d\d)-(\d\d) (\d\d):(\d\d):(\d\d)\.(\d{3}) (DEBUG|INFO|WARN|ERROR) (\S+)(?: (.*))?$/;

/** Reads a line of the log back (format-line.ts says how it is built); null for anything else, such as the torn line of a crash. */
export function parseLine(line: string): LogRecord | null {
  const head = HEAD.exec(line);
  if (!head) return null;
  const [, year, month, day, hour, minute, second, ms, level, component, rest] = head;
  const words = rest === undefined ? [] : rest.split(" ");
  const firstPair = words.findIndex((word) => word.includes("="));
  const pairs = firstPair < 0 ? [] : words.splice(firstPair);
  // No prototype: a key may have any name.
  const fields: Record<string, string> = Object.create(null);
  for (const pair of pairs) {
    const mark = pair.indexOf("=");
    if (mark < 0) return null;
    fields[unescaped(pair.slice(0, mark))] = unescaped(pair.slice(mark + 1));
  }
  return {
    time: new Date(+year!, +month! - 1, +day!, +hour!, +minute!, +second!, +ms!).getTime(),
    level: level!.toLowerCase() as LogLevel,
    component: unescaped(component!),
    message: unescaped(words.join(" ")),
    fields,
  };
}

/** Whether a level is at least as grave as another. */
export function atLeast(level: LogLevel, threshold: LogLevel): boolean {
  return logLevels.indexOf(level) >= logLevels.indexOf(threshold);
}

const PLAIN: Record<string, string> = { n: "\n", r: "\r", t: "\t", s: " " };

function unescaped(text: string): string {
  if (!text.includes("\\")) return text;
  return text.replace(/\\(?:u\{([0-9a-f]{1,5}|10[0-9a-f]{4})\}|(.))/gu, (_, hex?: string, character?: string) =>
    hex === undefined ? (PLAIN[character!] ?? character!) : String.fromCodePoint(Number.parseInt(hex, 16)),
  );
}
