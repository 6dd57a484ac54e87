import { existsSync } from "node:fs";
import { systemClock } from "../clock.ts";
import { dataPaths } from "../data-dir.ts";
import type { LogLevel } from "../observe/format-line.ts";
import type { LogLine } from "../observe/read-log.ts";
import type { Cli } from "./cli.ts";
import type { Paint } from "./colour.ts";
import { findDataDir } from "./daemon.ts";
import { parseTime } from "./duration.ts";
import { EXIT, type ExitCode } from "./exit-codes.ts";
import { usage } from "./failure.ts";
import { say } from "./language.ts";

export interface LogShowOptions {
  level?: LogLevel;
  lines: number;
  grep?: string;
  since?: string;
  until?: string;
  channel?: string;
  skill?: string;
  trace?: string;
  follow?: boolean;
}

/** Shows the last lines of the log that match, oldest first, as they stand in the file; needs no daemon. */
export async function showLog(cli: Cli, options: LogShowOptions): Promise<ExitCode> {
  const { out } = cli;
  const now = systemClock.now();
  const query = {
    lines: options.lines,
    level: options.level,
    since: options.since === undefined ? undefined : parseTime(options.since, now),
    until: options.until === undefined ? undefined : parseTime(options.until, now),
    grep: everyOf(options),
    trace: options.trace,
  };
  const file = dataPaths(await findDataDir(cli)).log;
  if (!existsSync(file)) out.talk(say({ zh: `没有日志文件 ${file}`, en: `there is no log at ${file}` }));
  if (!options.follow) {
    const { readLog } = await import("../observe/read-log.ts");
    const lines = await readLog(file, query);
    const records = lines.map((line) => line.record);
    await out.document(records, () => lines.map((line) => painted(line, out.paint)).join("\n"));
    return EXIT.ok;
  }
  const { followLog } = await import("../observe/follow-log.ts");
  const interrupted = new AbortController();
  process.once("SIGINT", () => interrupted.abort());
  for await (const line of followLog(file, query, { clock: systemClock, signal: interrupted.signal })) {
    out.line(out.format === "table" ? painted(line, out.paint) : JSON.stringify(line.record));
  }
  return EXIT.interrupted;
}

/** One expression for all that a line must have: what the user looks for, and that it speaks of the channel or skill. */
export function everyOf({ grep, channel, skill }: Pick<LogShowOptions, "grep" | "channel" | "skill">): RegExp | undefined {
  const parts = grep === undefined ? [] : [checked(grep)];
  if (channel !== undefined) parts.push(speaksOf("channel", channel));
  if (skill !== undefined) parts.push(speaksOf("skill", skill));
  return parts.length === 0 ? undefined : new RegExp(parts.map((part) => `^(?=.*?(?:${part}))`).join(""));
}

/** The component of that name, or a pair that names it. */
function speaksOf(kind: string, name: string): string {
  const literal = name.replace(/[\\^$.*+?()[\]{}|/]/g, "\\$&");
  return `^\\S+ \\S+ \\S+ ${kind}\\.${literal}(?:[ .]|$)| ${kind}=${literal}(?: |$)`;
}

function checked(expression: string): string {
  try {
    return new RegExp(expression).source;
  } catch (error) {
    throw usage(
      say({ zh: `--grep 不是正则表达式：${expression}`, en: `--grep is no regular expression: ${expression}` }),
      (error as Error).message,
    );
  }
}

function painted({ text, record }: LogLine, paint: Paint): string {
  if (record.level === "error") return paint.red(text);
  if (record.level === "warn") return paint.yellow(text);
  return record.level === "debug" ? paint.dim(text) : text;
}
