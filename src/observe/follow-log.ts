import { stat } from "node:fs/promises";
import { type Clock, sleep } from "../clock.ts";
import { parseLine } from "./parse-line.ts";
import { type LogLine, type LogQuery, lastLines, matches, type OpenLog, openFile, openLog } from "./read-log.ts";

const POLL_MS = 250;

/**
 * The last matching lines of a log, then every new one as it is written, across rotations, until the signal fires. A log that does
 * not exist yet is waited for. No line is left out or shown twice between the old ones and the new ones.
 */
export async function* followLog(path: string, query: LogQuery, on: { clock: Clock; signal: AbortSignal }): AsyncGenerator<LogLine> {
  const [current, ...older] = await openLog(path);
  let file = current;
  try {
    yield* await lastLines([file, ...older], query);
    for (const old of older.splice(0)) await old?.handle.close();
    let replaced = false;
    while (!on.signal.aborted) {
      if (file) yield* await newLines(file, query);
      if (replaced) {
        await file?.handle.close();
        file = await openFile(path);
        if (file) file.end = 0;
        replaced = false;
        continue;
      }
      // One more look at a replaced file before turning to the new one: its last lines may still be on their way.
      replaced = await isReplaced(path, file);
      await sleep(on.clock, POLL_MS, on.signal).catch(() => {});
    }
  } finally {
    for (const open of [file, ...older]) await open?.handle.close();
  }
}

/** What was written since the last look, whole lines only. */
async function newLines(file: OpenLog, query: LogQuery): Promise<LogLine[]> {
  const { size } = await file.handle.stat();
  if (size < file.end) file.end = 0;
  const data = Buffer.alloc(size - file.end);
  await file.handle.read(data, 0, data.length, file.end);
  const end = data.lastIndexOf(0x0a) + 1;
  file.end += end;
  const found: LogLine[] = [];
  for (const text of data.toString("utf8", 0, end).split("\n")) {
    const record = parseLine(text);
    if (record && matches(text, record, query)) found.push({ text, record });
  }
  return found;
}

async function isReplaced(path: string, file: OpenLog | undefined): Promise<boolean> {
  const now = await stat(path).catch(() => undefined);
  return now !== undefined && now.ino !== file?.inode;
}
