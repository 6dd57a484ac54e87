import { type FileHandle, open } from "node:fs/promises";
import type { LogLevel } from "./format-line.ts";
import { atLeast, type LogRecord, parseLine } from "./parse-line.ts";

export interface LogQuery {
  /** At most this many, the last ones. */
  lines: number;
  /** This level or a graver one. */
  level?: LogLevel | undefined;
  /** ms since the epoch, inclusive. */
  since?: number | undefined;
  until?: number | undefined;
  /** Tried on the whole line. */
  grep?: RegExp | undefined;
  /** The component itself or what is below it: "channel" also finds "channel.x". */
  component?: string | undefined;
  trace?: string | undefined;
}

export interface LogLine {
  text: string;
  record: LogRecord;
}

/** The local clock may have gone back (summer time, a correction): what is older than `since` by less may have younger lines before it. */
const CLOCK_SLACK_MS = 2 * 3_600_000;
const CHUNK = 64 * 1024;

/**
 * The last lines of a log and its rotated files that match, oldest first. Reads backward and no further than needed. Lines that
 * are no records are skipped. A log that does not exist is empty.
 */
export async function readLog(path: string, query: LogQuery): Promise<LogLine[]> {
  const files = await openLog(path);
  try {
    return await lastLines(files, query);
  } finally {
    for (const file of files) await file?.handle.close();
  }
}

export interface OpenLog {
  handle: FileHandle;
  inode: number;
  /** Where its last whole line ends: what follows is still being written, or was cut off by a crash. */
  end: number;
}

/**
 * The log's files, youngest first; the first one is undefined when there is no file of the log's own name. All are opened before
 * any is read: a rotation in between must not show a file twice.
 */
export async function openLog(path: string): Promise<(OpenLog | undefined)[]> {
  const files = [await openFile(path)];
  for (let n = 1; ; n++) {
    const file = await openFile(`${path}.${n}`);
    if (!file) return files;
    if (files.some((known) => known?.inode === file.inode)) await file.handle.close();
    else files.push(file);
  }
}

/** Undefined when there is no such file. */
export async function openFile(path: string): Promise<OpenLog | undefined> {
  let handle: FileHandle;
  try {
    handle = await open(path);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ENOENT") return undefined;
    throw error;
  }
  const { size, ino } = await handle.stat();
  const last = Buffer.alloc(Math.min(CHUNK, size));
  await handle.read(last, 0, last.length, size - last.length);
  return { handle, inode: ino, end: size - last.length + last.lastIndexOf(0x0a) + 1 };
}

/** The last matching lines of these files, oldest first. */
export async function lastLines(files: (OpenLog | undefined)[], query: LogQuery): Promise<LogLine[]> {
  const found: LogLine[] = [];
  for (const file of files) {
    if (!file) continue;
    for await (const lines of linesBackward(file.handle, file.end)) {
      for (let n = lines.length - 1; n >= 0; n--) {
        if (found.length >= query.lines) return found.reverse();
        const text = lines[n]!;
        const record = parseLine(text);
        if (!record) continue;
        if (query.since !== undefined && record.time < query.since - CLOCK_SLACK_MS) return found.reverse();
        if (matches(text, record, query)) found.push({ text, record });
      }
    }
  }
  return found.reverse();
}

/** Whether a line is asked for. */
export function matches(text: string, record: LogRecord, query: Omit<LogQuery, "lines">): boolean {
  const { level, since, until, grep, component, trace } = query;
  if (level !== undefined && !atLeast(record.level, level)) return false;
  if (since !== undefined && record.time < since) return false;
  if (until !== undefined && record.time > until) return false;
  if (component !== undefined && record.component !== component && !record.component.startsWith(`${component}.`)) return false;
  if (trace !== undefined && record.fields.trace !== trace) return false;
  return grep === undefined || text.search(grep) >= 0;
}

/** The lines of the first `end` bytes of a file, in pieces, the last piece first. `end` is the end of a line. */
async function* linesBackward(handle: FileHandle, end: number): AsyncGenerator<string[]> {
  let tail: Buffer = Buffer.alloc(0);
  for (let position = end; position > 0; ) {
    const chunk = Buffer.alloc(Math.min(CHUNK, position));
    position -= chunk.length;
    await handle.read(chunk, 0, chunk.length, position);
    const data = Buffer.concat([chunk, tail]);
    const mark = data.indexOf(0x0a);
    const start = position === 0 ? 0 : mark < 0 ? data.length : mark + 1;
    tail = data.subarray(0, start);
    if (start < data.length) yield data.toString("utf8", start, data.length - 1).split("\n");
  }
}
