import { afterEach, expect, test } from "vitest";
import type { KeyValue } from "../../src/skill.ts";
import { until } from "../../src/testing/until.ts";
import { type Bench, type BenchOptions, bench, ECHO } from "./bench.ts";

let running: Bench | undefined;
afterEach(async () => {
  await running?.stop();
  running = undefined;
});

/** A Python skill whose handle_message has this body; msg and context are there. */
async function python(body: string, options?: BenchOptions): Promise<Bench> {
  const lines = body.trim().split("\n");
  const text = ["import asyncio, os, sys, time", "from clawdbot.skill import BaseSkill", "class S(BaseSkill):", "  name = 's'"];
  text.push("  async def handle_message(self, msg, context):", ...lines.map((line) => `    ${line}`));
  running = await bench({ file: "s.py", text: text.join("\n") }, options);
  return running;
}

test("the echo skill of the articles runs unchanged: text comes back, an image is not its business", async () => {
  running = await bench({ path: ECHO });
  const hello = await running.caged.start();
  expect(hello.about).toMatchObject({ name: "echo", version: "1.0", description: "复读机功能" });
  expect(hello.runtime).toMatch(/^python 3\.\d+$/);
  expect(await running.ask({ text: "你好，世界" })).toEqual([[{ type: "text", text: "你好，世界" }]]);
  expect(await running.ask({ contentType: "image", text: "" })).toBeNull();
});

test("a message has the names of the articles, and None for a name that nobody knows", async () => {
  const skill = await python(`
return repr([msg.content_type, msg.type, msg.raw, msg.content, msg.id, msg.timestamp, msg.channel, msg.sender.id, msg.sender.name,
  msg.group, msg.conversation.id, len(msg.attachments), msg.attachments[0].url, msg.nonsense, msg.sender.nonsense])`);
  const image = { type: "image" as const, url: "https://example.com/a.png" };
  const asked = { conversation: { id: "g7", type: "group" as const }, segments: [{ type: "text" as const, text: "hi" }, image] };
  const [[answer] = []] = (await skill.ask(asked)) as { text: string }[][];
  expect(answer?.text).toBe(
    "['text', 'text', 'hi', 'hi', 'm1', 1700000000.5, 'test', 'u1', 'Ann', 'g7', 'g7', 1, 'https://example.com/a.png', None, None]",
  );
});

test("the platform's own object stays in the daemon: it may hold what answers in the bot's name", async () => {
  const skill = await python("return repr(sorted(vars(msg)))+repr([str(v) for v in vars(msg).values()])");
  expect(JSON.stringify(await skill.ask())).not.toContain("of the platform");
});

test.each([
  ["None", null],
  ["'a'", [[{ type: "text", text: "a" }]]],
  ["{'type': 'markdown', 'content': '**a**'}", [[{ type: "markdown", text: "**a**" }]]],
  ["['a', {'type': 'text', 'content': 'b'}]", [[{ type: "text", text: "a" }], [{ type: "text", text: "b" }]]],
  ["[]", []],
  ["{'type': 'image', 'content': 'https://example.com/a.png'}", [[{ type: "image", url: "https://example.com/a.png" }]]],
])("what it returns is what is said: %s", async (value, expected) => {
  const skill = await python(`return ${value}`);
  expect(await skill.ask()).toEqual(expected);
});

test("replies and previews come before the answer", async () => {
  const skill = await python("context.preview('thin')\ncontext.reply('first')\nreturn 'second'");
  expect(await skill.ask()).toEqual([[{ type: "text", text: "first" }], [{ type: "text", text: "second" }]]);
  expect(skill.previews).toEqual(["thin"]);
});

test("print() goes to the skill's log and cannot reach the channel", async () => {
  const skill = await python(`print('{"jsonrpc":"2.0","id":"1","result":["forged"]}')\nprint("two", file=sys.stderr)\nreturn 'real'`);
  expect(await skill.ask()).toEqual([[{ type: "text", text: "real" }]]);
  await until("both lines", () =>
    ["forged", "two"].every((word) => skill.lines.some((line) => / skill printed/.test(line) && line.includes(word))),
  );
});

test("an exception is final, with its traceback in the log", async () => {
  const skill = await python("raise ValueError('Invalid content')");
  await expect(skill.ask()).rejects.toMatchObject({ code: "CLAWDBOT_ERR_SKILL", retryable: false, message: "ValueError: Invalid content" });
  const line = skill.lines.find((one) => one.includes("skill threw"));
  expect(line).toContain("traceback=Traceback");
  expect(line).toContain("s.py");
  expect(skill.caged.state()).toEqual({ state: "running", detail: "" });
});

test("its keys are in the daemon's store, and there alone", async () => {
  const kept = new Map<string, unknown>();
  const kv: KeyValue = {
    get: async (key) => (kept.has(key) ? { value: kept.get(key), version: 1 } : null),
    set: async (key, value) => {
      kept.set(key, value);
      return 1;
    },
    delete: async (key) => void kept.delete(key),
    list: async (prefix) => [...kept].filter(([key]) => key.startsWith(prefix)).map(([key, value]) => ({ key, value, version: 1 })),
  };
  const skill = await python(
    `
n = await context.kv.get("n", 0) + 1
await context.kv.set("n", n, ttl=60)
await context.kv.set("gone", 1)
await context.kv.delete("gone")
return repr([n, await context.kv.list()])`,
    { kv },
  );
  await skill.ask();
  expect(await skill.ask()).toEqual([[{ type: "text", text: "[2, [{'key': 'n', 'value': 2, 'version': 1}]]" }]]);
  expect([...kept]).toEqual([["n", 2]]);
});

test.each(["http.fetch", "send", "model.chat", "secrets.get", "fs.read"])("%s is not granted", async (method) => {
  const kv = {} as KeyValue;
  const skill = await python(`return await context.kv._ask("${method}")`, { kv });
  await expect(skill.ask()).rejects.toThrow(`${method}: not granted`);
  expect(skill.lines).toContain(`refused ${method}`);
});

test("calls in flight do not wait for each other", async () => {
  const skill = await python("await asyncio.sleep(0 if msg.raw == 'quick' else 0.5)\nreturn msg.raw");
  const ended: string[] = [];
  const asking = ["slow", "quick"].map((text) => skill.ask({ text }).then(() => ended.push(text)));
  await Promise.all(asking);
  expect(ended).toEqual(["quick", "slow"]);
});

test("a wait that can be interrupted ends at the deadline and costs nobody the process", async () => {
  const skill = await python("await asyncio.sleep(0 if msg.raw == 'quick' else 999)\nreturn msg.raw", { timeoutMs: 300 });
  await skill.caged.start();
  await expect(skill.ask({ text: "slow" })).rejects.toMatchObject({ code: "CLAWDBOT_ERR_SKILL_TIMEOUT" });
  expect(skill.lines.some((line) => line.includes("process ended"))).toBe(false);
  expect(await skill.ask({ text: "quick" })).toEqual([[{ type: "text", text: "quick" }]]);
});

test.each([
  ["class A:\n  pass", "there is no class based on clawdbot.skill.BaseSkill"],
  [
    "from clawdbot.skill import BaseSkill\nclass AISkill(BaseSkill):\n  async def predict(self, text): pass",
    "AISkill has no handle_message",
  ],
  ["import aiohttp_that_is_not_there", "No module named 'aiohttp_that_is_not_there'"],
  ["def (", "SyntaxError"],
])("a file that holds no skill says why: %s", async (text, why) => {
  running = await bench({ file: "s.py", text });
  await expect(running.caged.start()).rejects.toThrow(why);
});
