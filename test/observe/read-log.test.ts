import { appendFile, link, mkdtemp, rename, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { followLog } from "../../src/observe/follow-log.ts";
import { createLineFormat, type LogLevel } from "../../src/observe/format-line.ts";
import { type LogQuery, readLog } from "../../src/observe/read-log.ts";
import { fakeClock } from "../../src/testing/fake-clock.ts";

let dir: string;
let file: string;

beforeEach(async () => {
  dir = await mkdtemp(join(tmpdir(), "clawdbot-read-"));
  file = join(dir, "clawdbot.log");
});
afterEach(() => rm(dir, { recursive: true }));

const format = createLineFormat((text) => text);
const start = new Date(2026, 0, 15, 9).getTime();
const levels: LogLevel[] = ["debug", "info", "warn", "error"];

/** Lines first … last - 1, a second apart, of all levels in turn. */
function lines(first: number, last: number, extra = ""): string {
  let text = "";
  for (let n = first; n < last; n++) {
    text += `${format(start + n * 1000, levels[n % 4]!, n % 2 ? "channel.a" : "pipeline", `line ${n}${extra}`, { trace: `t${n % 10}` })}\n`;
  }
  return text;
}

async function numbers(query: Partial<LogQuery>): Promise<number[]> {
  const found = await readLog(file, { lines: 1000, ...query });
  return found.map(({ record }) => Number(/line (\d+)/.exec(record.message)![1]));
}

describe("reading a log", () => {
  test("gives the last matching lines of all its files, oldest first", async () => {
    await writeFile(`${file}.2`, lines(0, 10));
    await writeFile(`${file}.1`, lines(10, 20));
    await writeFile(file, lines(20, 25));
    expect(await numbers({ lines: 3 })).toEqual([22, 23, 24]);
    expect(await numbers({ lines: 8 })).toEqual([17, 18, 19, 20, 21, 22, 23, 24]);
    expect(await numbers({ lines: 3, level: "error" })).toEqual([15, 19, 23]);
    expect(await numbers({ level: "warn", lines: 4 })).toEqual([18, 19, 22, 23]);
    expect(await numbers({ component: "channel", lines: 2 })).toEqual([21, 23]);
    expect(await numbers({ component: "chan" })).toEqual([]);
    expect(await numbers({ trace: "t4" })).toEqual([4, 14, 24]);
    expect(await numbers({ grep: /line 1[0-2] / })).toEqual([10, 11, 12]);
    expect(await numbers({ since: start + 12_000, until: start + 14_000 })).toEqual([12, 13, 14]);
    expect(await numbers({ lines: 0 })).toEqual([]);
  });

  test("works across its chunks, whatever the lines' lengths", async () => {
    await writeFile(file, lines(0, 400, ` ${"语".repeat(500)}`) + lines(400, 401, ` ${"x".repeat(200_000)}`.slice(0, 1999)));
    expect(await numbers({})).toEqual(Array.from({ length: 401 }, (_, n) => n));
  });

  test("passes over what is no record and over a line that is cut off", async () => {
    await writeFile(file, `${lines(0, 2)}panic: something\n\n${lines(2, 3)}${lines(3, 4).trimEnd()}`);
    expect(await numbers({})).toEqual([0, 1, 2]);
  });

  test("finds what was written before the clock was set back", async () => {
    await writeFile(file, lines(3600, 3603) + lines(0, 3));
    expect(await numbers({ since: start + 1000 })).toEqual([3600, 3601, 3602, 1, 2]);
  });

  test("reads no further back than it must", async () => {
    await writeFile(`${file}.1`, lines(20_000, 20_001));
    await writeFile(file, lines(0, 1) + lines(10_000, 10_003));
    expect(await numbers({ since: start + 10_000_000 })).toEqual([10_000, 10_001, 10_002]);
  });

  test("shows a file once that is rotated while the files are opened", async () => {
    await writeFile(file, lines(0, 3));
    await link(file, `${file}.1`);
    expect(await numbers({})).toEqual([0, 1, 2]);
  });

  test("of a log that does not exist is empty", async () => {
    expect(await readLog(file, { lines: 10 })).toEqual([]);
  });
});

describe("following a log", () => {
  async function follow(query: Partial<LogQuery>) {
    const clock = fakeClock();
    const stop = new AbortController();
    const seen: number[] = [];
    const done = (async () => {
      for await (const { record } of followLog(file, { lines: 2, ...query }, { clock, signal: stop.signal })) {
        seen.push(Number(/line (\d+)/.exec(record.message)![1]));
      }
    })();
    /** Lets it look until it has seen n lines. */
    async function until(n: number): Promise<number[]> {
      while (seen.length < n) await clock.advance(250);
      return seen;
    }
    return { seen, until, done, stop: () => stop.abort() };
  }

  test("shows the last lines, then each new one, whole lines only", async () => {
    await writeFile(file, lines(0, 5) + lines(5, 6).slice(0, 30));
    const log = await follow({});
    expect(await log.until(2)).toEqual([3, 4]);
    await appendFile(file, lines(5, 6).slice(30) + lines(6, 8).slice(0, -10));
    expect(await log.until(4)).toEqual([3, 4, 5, 6]);
    await appendFile(file, lines(6, 8).slice(-10));
    expect(await log.until(5)).toEqual([3, 4, 5, 6, 7]);
    log.stop();
    await log.done;
  });

  test("goes over to the new file when the log is rotated, and misses nothing that still reaches the old one", async () => {
    await writeFile(file, lines(0, 1));
    const log = await follow({ level: "info" });
    await appendFile(file, lines(1, 3));
    await log.until(2);
    await rename(file, `${file}.1`);
    await appendFile(`${file}.1`, lines(3, 4));
    await writeFile(file, lines(4, 8));
    expect(await log.until(6)).toEqual([1, 2, 3, 5, 6, 7]);
    log.stop();
    await log.done;
  });

  test("starts over when the file is emptied in place", async () => {
    await writeFile(file, lines(0, 3));
    const log = await follow({});
    await log.until(2);
    await writeFile(file, lines(3, 4));
    expect(await log.until(3)).toEqual([1, 2, 3]);
    log.stop();
    await log.done;
  });

  test("waits for a log that does not exist yet", async () => {
    const log = await follow({});
    expect(log.seen).toEqual([]);
    await writeFile(file, lines(0, 1));
    expect(await log.until(1)).toEqual([0]);
    log.stop();
    await log.done;
  });
});
