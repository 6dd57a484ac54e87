import type { LogFields } from "../skill.ts";

export const logLevels = ["debug", "info", "warn", "error"] as const;
export type LogLevel = (typeof logLevels)[number];

/**
 * The one form of a log line, in files and on terminals; parseLine reads it back:
 *
 *     2026-03-02 09:15:01.123 ERROR channel.x signature rejected code=310000 trace=7f3a skew=+1843s
 *
 * Local date and time, level, component, message, then key=value pairs, all separated by single blanks. A value has no blank and
 * a message no "=". What would break that, or a terminal, is written as \n \r \t \\ \s (blank) \" or \u{hex}. The last pair is
 * the most telling one: skew, else code, else trace. Texts longer than 2000 characters are cut.
 */
export type LineFormat = (now: number, level: LogLevel, component: string, message: string, fields?: LogFields) => string;

/** Texts go through redact before anything else, so that neither an escape nor a cut can hide a part of a secret from it. */
export function createLineFormat(redact: (text: string) => string): LineFormat {
  const timestamp = createTimestamp();
  return (now, level, component, message, fields) => {
    let line = `${timestamp(now)} ${level.toUpperCase()} ${component}`;
    if (message !== "") line += ` ${escapeMessage(cut(redact(message)))}`;
    if (fields === undefined) return line;
    const last = fields.skew !== undefined ? "skew" : fields.code !== undefined ? "code" : fields.trace !== undefined ? "trace" : undefined;
    for (const key of Object.keys(fields)) {
      if (key !== last) line += pair(key, fields[key], redact);
    }
    return last === undefined ? line : line + pair(last, fields[last], redact);
  };
}

function pair(key: string, value: LogFields[string], redact: (text: string) => string): string {
  if (value === undefined) return "";
  const text = typeof value === "boolean" ? String(value) : escapeWord(cut(redact(String(value))));
  return ` ${escapeKey(key)}=${text}`;
}

/** Controls, invisible and bidirectional formatting characters, lone surrogates, line and paragraph separators, and the escape itself. */
const UNSAFE = /[\p{C}\p{Zl}\p{Zp}\\]/u;
const IN_MESSAGE = /[\p{C}\p{Zl}\p{Zp}\\=]|(?! )\p{Zs}|^ | (?= |$)/gu;
const IN_WORD = /[\p{C}\p{Z}\\"]/gu;
const IN_KEY = /[\p{C}\p{Z}\\"=]/gu;

function escapeMessage(text: string): string {
  return UNSAFE.test(text) || /=|[^\S ]|^ | (?: |$)/.test(text) ? text.replace(IN_MESSAGE, escapeCharacter) : text;
}

/** Makes one word of a text: what stands for a value or a component. */
export function escapeWord(text: string): string {
  return /^[\w.:/@+,-]*$/.test(text) ? text : text.replace(IN_WORD, escapeCharacter);
}

function escapeKey(key: string): string {
  return /^\w+$/.test(key) ? key : key.replace(IN_KEY, escapeCharacter);
}

const SHORT: Record<string, string> = { "\n": "\\n", "\r": "\\r", "\t": "\\t", "\\": "\\\\", " ": "\\s", '"': '\\"' };

function escapeCharacter(character: string): string {
  return SHORT[character] ?? `\\u{${character.codePointAt(0)!.toString(16)}}`;
}

const LONGEST = 2000;

function cut(text: string): string {
  return text.length > LONGEST ? `${text.slice(0, LONGEST)}…` : text;
}

/** Local date and time with ms. The part up to the second is kept: the lines of one second share it. */
function createTimestamp(): (now: number) => string {
  let second = Number.NaN;
  let prefix = "";
  return (now) => {
    const current = Math.floor(now / 1000);
    if (current !== second) {
      second = current;
      const at = new Date(now);
      const day = `${at.getFullYear()}-${two(at.getMonth() + 1)}-${two(at.getDate())}`;
      prefix = `${day} ${two(at.getHours())}:${two(at.getMinutes())}:${two(at.getSeconds())}.`;
    }
    return prefix + String(Math.floor(now) - current * 1000).padStart(3, "0");
  };
}

function two(n: number): string {
  return n < 10 ? `0${n}` : String(n);
}
