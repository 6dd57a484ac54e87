import { execFile } from "node:child_process";
import { mkdir, mkdtemp, readdir, readFile, rename, rm, stat, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { createLog } from "../../src/observe/log.ts";
import { createLogFile } from "../../src/observe/log-file.ts";
import { fakeClock } from "../../src/testing/fake-clock.ts";

let dir: string;
let file: string;
const clock = fakeClock();

beforeEach(async () => {
  dir = await mkdtemp(join(tmpdir(), "clawdbot-log-"));
  file = join(dir, "data", "clawdbot.log");
});
afterEach(() => rm(dir, { recursive: true }));

const read = (name = file) => readFile(name, "utf8");
const failure = (error: Error) => {
  throw error;
};

describe("a log", () => {
  test("writes the same lines to its file and to its stream, from its level up", async () => {
    const lines: string[] = [];
    const log = createLog({ level: "info", file, stream: (line) => lines.push(line), clock });
    const logger = log.logger("channel.x");
    logger.debug("not this");
    logger.info("up", { account: "default" });
    logger.error("down", { code: 42 });
    await log.close();
    expect(lines.map((line) => line.slice(24))).toEqual(["INFO channel.x up account=default", "ERROR channel.x down code=42"]);
    expect(await read()).toBe(`${lines.join("\n")}\n`);
  });

  test("touches no file before its first line, and then makes one for its owner only", async () => {
    const log = createLog({ level: "warn", file, clock });
    log.logger("a").info("below the level");
    expect(await readdir(dir)).toEqual([]);
    log.logger("a").warn("first");
    expect((await stat(file)).mode & 0o777).toBe(0o600);
    await log.close();
  });

  test("shows a hidden secret nowhere", async () => {
    const lines: string[] = [];
    const log = createLog({ level: "debug", stream: (line) => lines.push(line), clock });
    const logger = log.logger("net");
    log.hide("s3cr3t value");
    log.hide("80801234");
    logger.error("failed with s3cr3t value", { error: "GET /x?access_token=abc&v=s3cr3t+value", id: 80801234, plain: "s3cr3t" });
    expect(lines[0]).toMatch(/ERROR net failed with \*\*\* error=GET\\s\/x\?access_token=\*\*\*&v=\*\*\* id=\*\*\* plain=s3cr3t$/);
  });

  test("does not show the first half of a secret at which a long text is cut", () => {
    const lines: string[] = [];
    const log = createLog({ level: "debug", stream: (line) => lines.push(line), clock });
    log.hide("s3cr3t-value");
    const long = `${"x".repeat(1994)}s3cr3t-value${"y".repeat(10)}`;
    log.logger("a").info(long, { long });
    expect(lines[0]).toHaveLength("2026-01-01 00:00:00.000 INFO a  long=".length + 2 * 2001);
    expect(lines[0]).not.toContain("s3c");
  });

  test("a hidden secret that looks like a part of the date does not break the line", () => {
    const lines: string[] = [];
    const log = createLog({ level: "info", stream: (line) => lines.push(line), clock });
    log.hide("2026");
    log.hide("INFO");
    log.logger("a").info("year 2026");
    expect(lines[0]).toMatch(/^\d{4}-\d\d-\d\d \S+ INFO a year \*\*\*$/);
  });

  test("says on its stream, once, when the file cannot be written", async () => {
    await writeFile(join(dir, "data"), "a file where a folder should be");
    const lines: string[] = [];
    const log = createLog({ level: "info", file, stream: (line) => lines.push(line), clock });
    log.logger("a").info("one");
    log.logger("a").info("two");
    await log.close();
    expect(lines.map((line) => line.slice(24).split(" path=")[0])).toEqual([
      "ERROR log log file cannot be written",
      "INFO a one",
      "INFO a two",
    ]);
  });

  test.each(["throw new Error('crash')", "process.exit(3)"])("loses no line when the process ends with: %s", async (end) => {
    const script = `
      const { createLog } = await import(${JSON.stringify(join(import.meta.dirname, "../../src/observe/log.ts"))});
      const log = createLog({ level: "info", file: ${JSON.stringify(file)}, clock: Date });
      for (let n = 0; n < 100; n++) log.logger("a").info("line", { n });
      ${end};`;
    await new Promise((resolve) => execFile(process.execPath, ["--input-type=module", "-e", script], resolve));
    const lines = (await read()).trimEnd().split("\n");
    expect(lines).toHaveLength(100);
    expect(lines[99]).toMatch(/line n=99$/);
  });
});

describe("a log file", () => {
  test("is rotated before it grows too large, and the oldest is dropped", async () => {
    const log = createLogFile({ path: file, maxBytes: 100, files: 3, onError: failure });
    for (let n = 10; n < 60; n++) log.write(`line ${n} ${"x".repeat(11)}`);
    await log.close();
    expect((await readdir(join(dir, "data"))).sort()).toEqual(["clawdbot.log", "clawdbot.log.1", "clawdbot.log.2"]);
    const all = [await read(`${file}.2`), await read(`${file}.1`), await read()];
    expect(all.map((text) => text.length <= 100)).toEqual([true, true, true]);
    const numbers = all
      .join("")
      .match(/(?<=line )\d+/g)!
      .map(Number);
    expect(numbers).toEqual(Array.from({ length: numbers.length }, (_, n) => 60 - numbers.length + n));
    expect(numbers.length).toBe(15);
  });

  test("goes on where an earlier run ended, on a new line if that one was cut off", async () => {
    const first = createLogFile({ path: file, maxBytes: 1000, files: 2, onError: failure });
    first.write("whole");
    await first.close();
    await writeFile(file, "to", { flag: "a" });
    const second = createLogFile({ path: file, maxBytes: 1000, files: 2, onError: failure });
    second.write("next");
    await second.close();
    expect(await read()).toBe("whole\nto\nnext\n");
  });

  test("counts what an earlier run wrote", async () => {
    for (let run = 0; run < 3; run++) {
      const log = createLogFile({ path: file, maxBytes: 50, files: 2, onError: failure });
      log.write("x".repeat(30));
      await log.close();
    }
    expect((await stat(file)).size).toBe(31);
    expect((await stat(`${file}.1`)).size).toBe(31);
  });

  test("is written anew after an outside program moved it away", async () => {
    const log = createLogFile({ path: file, maxBytes: 1000, files: 2, onError: failure });
    log.write("before");
    log.flush();
    await rename(file, `${file}-20260101`);
    log.write("still to the moved one");
    log.reopen();
    log.write("after");
    await log.close();
    expect(await read(`${file}-20260101`)).toBe("before\nstill to the moved one\n");
    expect(await read()).toBe("after\n");
  });

  test("goes on in the same file when it cannot be rotated, and tries again a whole file later", async () => {
    await mkdir(join(`${file}.1`, "in the way"), { recursive: true });
    const errors: Error[] = [];
    const log = createLogFile({ path: file, maxBytes: 100, files: 2, onError: (error) => errors.push(error) });
    for (let n = 10; n < 30; n++) {
      log.write(`line ${n} ${"x".repeat(11)}`);
      log.flush();
    }
    await log.close();
    expect((await read()).match(/line \d\d/g)).toHaveLength(20);
    expect(errors.length).toBeLessThanOrEqual(3);
    expect(errors[0]).toMatchObject({ syscall: "rename" });
  });

  test("reports a full disk once and does not throw", async () => {
    const errors: NodeJS.ErrnoException[] = [];
    const log = createLogFile({ path: "/dev/full", maxBytes: 1e9, files: 2, onError: (error) => errors.push(error) });
    log.write("lost");
    log.flush();
    log.write("lost too");
    log.flush();
    await log.close();
    expect(errors.map((error) => error.code)).toEqual(["ENOSPC"]);
  });

  test("bears being closed twice and written to afterwards", async () => {
    const log = createLogFile({ path: file, maxBytes: 1000, files: 2, onError: failure });
    log.write("one");
    await log.close();
    log.write("too late");
    await log.close();
    expect(await read()).toBe("one\n");
  });
});
