import { expect, test } from "vitest";
import { SentLog } from "../src/sent-log.ts";
import type { SentRecord } from "../src/simulator.ts";
import { fakeClock } from "../src/testing/fake-clock.ts";

const record = (text: string, conversation = "u1", suppressed = false): SentRecord => ({
  at: 0,
  conversation,
  text,
  suppressed,
  raw: undefined,
});
const texts = (records: readonly SentRecord[]) => records.map(({ text }) => text);

test("who waits for replies of one conversation hears of no other's and of none that was suppressed", async () => {
  const log = new SentLog(fakeClock());
  const waiting = log.waitFor(2, { conversation: "u1" });
  for (const entry of [record("a"), record("b", "u2"), record("a again", "u1", true), record("c"), record("d")]) log.add(entry);
  expect(texts(await waiting)).toEqual(["a", "c"]);
  expect(texts(await log.waitFor(4))).toEqual(["a", "b", "c", "d"]);
  expect(texts(log.records)).toEqual(["a", "b", "a again", "c", "d"]);
});

test("a wait ends with how many came", async () => {
  const clock = fakeClock();
  const log = new SentLog(clock);
  log.add(record("a"));
  const waiting = expect(log.waitFor(2, { timeoutMs: 500 })).rejects.toThrow("1 of 2 replies within 500 ms");
  await clock.advance(500);
  await waiting;
});

test("listeners hear of each reply as it arrives, suppressed or not", () => {
  const log = new SentLog(fakeClock());
  const heard: string[] = [];
  log.listen(({ text }) => heard.push(text));
  log.add(record("a"));
  log.add(record("a", "u1", true));
  expect(heard).toEqual(["a", "a"]);
});
