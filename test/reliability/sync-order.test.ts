import { describe, expect, test } from "vitest";
import { earlyAnswers } from "./sync-order.ts";

const write = (text: string) => `101 pwrite64(20, "\\0\\1{\\"text\\":\\"/echo ${text}\\"}", 4096, 32) = 4096`;
const sync = "101 fdatasync(20) = 0";
const answer = (text: string) => `100 write(30, "{\\"type\\":\\"accepted\\",\\"id\\":\\"${text}\\"}", 60) = 60`;

async function judged(lines: string[], texts: string[]): Promise<string[]> {
  const acknowledged = (line: string) => (line.includes("accepted") ? line.match(/c\d+-\d{6}/g)! : []);
  return (await earlyAnswers(lines, { texts, acknowledged })).map(({ text, why }) => `${text} ${why}`);
}

describe("reading a trace of system calls", () => {
  const [one, two] = ["c1-000001", "c1-000002"];

  test("lets pass what was synced before it was acknowledged", async () => {
    expect(await judged([write(one), write(two), sync, answer(two), answer(one)], [one, two])).toEqual([]);
  });

  test("finds an acknowledgement before the sync", async () => {
    expect(await judged([write(one), sync, answer(one), write(two), answer(two), sync], [one, two])).toEqual([`${two} not synced`]);
  });

  test("finds an acknowledgement during the sync", async () => {
    const lines = [write(one), "101 fdatasync(20 <unfinished ...>", answer(one), "101 <... fdatasync resumed>) = 0"];
    expect(await judged(lines, [one])).toEqual([`${one} not synced`]);
  });

  test("does not let a sync that began before the write count", async () => {
    const lines = ["102 fdatasync(20 <unfinished ...>", write(one), "102 <... fdatasync resumed>) = 0", answer(one)];
    expect(await judged(lines, [one])).toEqual([`${one} not synced`]);
  });

  test("does not let a sync that failed count, and lets the next one", async () => {
    const failed = "101 fdatasync(20) = -1 EIO (Input/output error)";
    expect(await judged([write(one), failed, answer(one)], [one])).toEqual([`${one} not synced`]);
    expect(await judged([write(one), failed, sync, answer(one)], [one])).toEqual([]);
  });

  test("finds what was acknowledged and never written, and what was never acknowledged", async () => {
    expect(await judged([sync, answer(one), write(two), sync], [one, two])).toEqual([`${one} never written`, `${two} never answered`]);
  });
});
