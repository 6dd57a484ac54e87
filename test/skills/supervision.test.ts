import { afterEach, describe, expect, test } from "vitest";
import { systemClock } from "../../src/clock.ts";
import type { KeyValue } from "../../src/skill.ts";
import { type Bench, bench } from "./bench.ts";

let running: Bench | undefined;
afterEach(async () => {
  await running?.stop();
  running = undefined;
});

const NODE = (body: string) => ({
  file: "s.mjs",
  text: `export default { name: "s", version: "1", description: "s", async handleMessage(message, context) {
    if (message.text === "ok") return "ok";
    ${body}
  } };`,
});
const PYTHON = (body: string) => ({
  file: "s.py",
  text: `import time, os, sys
from clawdbot.skill import BaseSkill
class S(BaseSkill):
  name = "s"
  async def handle_message(self, msg):
    if msg.raw == "ok": return "ok"
    ${body}
`,
});
const OK = [[{ type: "text", text: "ok" }]];

test.each([
  ["time.sleep(999)", PYTHON("time.sleep(999)")],
  ["a Python endless loop", PYTHON("while True: pass")],
  ["a JavaScript endless loop", NODE("for (;;);")],
  ["a regular expression without end", NODE(`return String(/^(a+)+$/.test("a".repeat(40) + "b"))`)],
])("%s is killed 100 ms after its deadline; the next message has a new process", async (_name, skill) => {
  running = await bench(skill, { timeoutMs: 500 });
  await running.caged.start();
  const began = performance.now();
  const error = await running.ask().catch((thrown: unknown) => thrown);
  const took = performance.now() - began;
  expect(error).toMatchObject({ code: "CLAWDBOT_ERR_SKILL", retryable: true, message: expect.stringContaining("killed") });
  expect(took).toBeGreaterThanOrEqual(595);
  expect(took).toBeLessThan(1500);
  expect(running.lines.some((line) => line.includes("skill process ended"))).toBe(true);
  await running.caged.start();
  expect(await running.ask({ text: "ok" })).toEqual(OK);
});

describe("the process ends, the daemon does not", () => {
  test.each([
    ["process.exit()", NODE("process.exit(0)")],
    ["an uncaught error", NODE("setImmediate(() => { throw new Error('late'); }); await new Promise(() => {})")],
    ["os._exit()", PYTHON("os._exit(0)")],
    ["a segmentation fault", PYTHON("import ctypes; ctypes.string_at(0)")],
    ["a heap leak", NODE("const kept = []; for (;;) kept.push(new Array(1000).fill({}));")],
    ["a lie to the channel", NODE(`(await import("node:fs")).writeSync(4, "no json\\n"); await new Promise(() => {})`)],
    [
      "an answer without an end",
      NODE(`const { writeSync } = await import("node:fs"); for (;;) try { writeSync(4, "x".repeat(65536)) } catch {}`),
    ],
  ])("%s", async (_name, skill) => {
    running = await bench(skill);
    await running.caged.start();
    const before = process.memoryUsage().rss;
    await expect(running.ask()).rejects.toMatchObject({ code: "CLAWDBOT_ERR_SKILL", retryable: true });
    expect(process.memoryUsage().rss - before).toBeLessThan(50 * 2 ** 20);
    expect(await running.ask({ text: "ok" })).toEqual(OK);
  });
});

test.each([
  ["Buffers", NODE("const kept = []; for (;;) kept.push(Buffer.alloc(16 * 2 ** 20, 1));")],
  ["Python's memory", PYTHON("kept = []\n    while True: kept.append(bytearray(b'x' * (16 << 20)))")],
])("%s are limited", async (_name, skill) => {
  running = await bench(skill);
  await expect(running.ask()).rejects.toMatchObject({ code: "CLAWDBOT_ERR_SKILL" });
  expect(await running.ask({ text: "ok" })).toEqual(OK);
});

test.each([
  ["JavaScript", NODE(`return "x".repeat(50 * 2 ** 20)`)],
  ["Python", PYTHON("return 'x' * (50 << 20)")],
])("a reply of 50 MB is refused for good: %s", async (_name, skill) => {
  running = await bench(skill);
  await expect(running.ask()).rejects.toMatchObject({ code: "CLAWDBOT_ERR_SKILL", retryable: false });
});

test.each(["return 42", "return { type: 'image' }", "return { type: 'shell', content: 'x' }", "return [[{ type: 'text', text: 7 }]]"])(
  "what is no reply is refused: %s",
  async (body) => {
    running = await bench(NODE(body));
    await expect(running.ask()).rejects.toMatchObject({ code: "CLAWDBOT_ERR_SKILL", retryable: false });
  },
);

test("after five crashes within a minute it says one polite line and starts no process, until it is pardoned", async () => {
  running = await bench(NODE("process.exit(7)"));
  for (let n = 0; n < 5; n++) await expect(running.ask()).rejects.toThrow("ended with 7");
  expect(running.caged.state()).toEqual({ state: "quarantined", detail: "ended with 7" });
  expect(running.lines.filter((line) => line.includes("skill quarantined"))).toHaveLength(1);
  expect(await running.ask({ text: "ok" })).toEqual(["This skill failed again and again and is suspended. Please tell an administrator."]);
  running.caged.pardon();
  expect(await running.ask({ text: "ok" })).toEqual(OK);
});

test("a quarantine ends by itself after five minutes", async () => {
  let later = 0;
  const clock = { ...systemClock, monotonic: () => systemClock.monotonic() + later };
  running = await bench(NODE("process.exit(7)"), { clock });
  for (let n = 0; n < 5; n++) await expect(running.ask()).rejects.toThrow("ended with 7");
  later = 4 * 60_000;
  expect(running.caged.state().state).toBe("quarantined");
  later = 6 * 60_000;
  expect(await running.ask({ text: "ok" })).toEqual(OK);
  expect(running.caged.state()).toEqual({ state: "running", detail: "" });
});

test("a thousand calls in flight at a time each have their own answer", async () => {
  running = await bench(NODE("await null; return message.text;"));
  const texts = Array.from({ length: 1000 }, (_, n) => `t${n}`);
  const { ask } = running;
  const answers = await Promise.all(texts.map((text) => ask({ text })));
  expect(answers).toEqual(texts.map((text) => [[{ type: "text", text }]]));
});

test("a skill that logs in a loop is cut short", async () => {
  running = await bench(NODE("for (let n = 0; n < 5000; n++) context.log.info('again'); return 'done'"));
  await running.ask();
  expect(running.lines.filter((line) => line.includes("again")).length).toBeLessThanOrEqual(200);
});

test.each([
  "null",
  "[]",
  "7",
  '{"id":1}',
  '{"method":5}',
  '{"method":"hello","params":null}',
  '{"method":"begin","params":7}',
  '{"method":"log","params":{"level":{},"message":{},"fields":[1]}}',
  '{"method":"log","params":{"fields":{"__proto__":{"polluted":true},"a b":1}}}',
  '{"method":"preview","params":{"call":{}}}',
  '{"method":"kv.get","id":{"a":[]},"params":null}',
  '{"method":"kv.list","id":"x","params":{"prefix":{},"limit":-1e999}}',
  '{"method":"__proto__","id":"x"}',
  '{"id":"1","error":null}',
  '{"id":"1","error":7}',
  '{"id":"1","result":[{"type":"text"}]}',
  '{"id":"1","result":{"length":3}}',
  "\u0000\ufffd{{{",
])("a frame out of a bad dream does no harm: %s", async (frame) => {
  const kv: KeyValue = { get: async () => null, set: async () => 1, delete: async () => {}, list: async () => [] };
  running = await bench(NODE(`(await import("node:fs")).writeSync(4, ${JSON.stringify(`${frame}\n`)}); return "survived"`), { kv });
  const answer = await running.ask().then(JSON.stringify, (error: { code: string }) => error.code);
  expect(["CLAWDBOT_ERR_SKILL", '[[{"type":"text","text":"survived"}]]', "null"]).toContain(answer);
  expect(({} as { polluted?: boolean }).polluted).toBeUndefined();
  expect(await running.ask({ text: "ok" })).toEqual(OK);
});
