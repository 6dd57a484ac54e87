import { afterEach, expect, test } from "vitest";
import { type Daemon, skillText, startDaemon } from "./daemon.ts";

let daemon: Daemon;
afterEach(() => daemon.stop());

const SORRY = "This could not be handled. It has been recorded and an operator can replay it.";

test("fifty reloads under load lose no message, and every answer is of a version that was in force", { timeout: 120_000 }, async () => {
  daemon = await startDaemon();
  const { skills } = daemon.gateway.gateway;
  const version = (n: number) => daemon.write("own.mjs", skillText("own", `"v${n} " + message.text`, `1.${n}`));
  await skills.load(await version(0));
  let loaded = 0;
  let over = false;
  let said = 0;
  const users = Array.from({ length: 4 }, async (_, user) => {
    while (!over) {
      const text = `t${said++}`;
      const earliest = loaded;
      const answer = await daemon.say(`/own ${text}`, `c${user}`);
      const [by, rest] = answer.split(" ");
      expect(rest).toBe(text);
      expect(Number(by!.slice(1))).toBeGreaterThanOrEqual(earliest);
    }
  });
  for (let n = 1; n <= 50; n++) {
    await skills.load(await version(n));
    loaded = n;
  }
  over = true;
  await Promise.all(users);
  expect(said).toBeGreaterThan(100);
  expect(await daemon.say("/own last")).toBe("v50 last");
  const { deadLetters, inbox } = await daemon.gateway.gateway.storage.counts();
  expect({ deadLetters, inbox }).toEqual({ deadLetters: 0, inbox: 0 });
});

test("while one skill leaks, loops and dies, other conversations are answered", { timeout: 60_000 }, async () => {
  daemon = await startDaemon({ performance: { skill_timeout: "500ms", max_attempts: 2 } });
  const { skills } = daemon.gateway.gateway;
  const bad = `message.text === "loop" ? (() => { for (;;); })() : message.text === "exit" ? process.exit(1) : message.text === "leak" ? (() => { const kept = []; for (;;) kept.push(Buffer.alloc(2 ** 24, 1)); })() : "x".repeat(50 * 2 ** 20)`;
  await skills.load(await daemon.write("bad.mjs", skillText("bad", bad)));
  let over = false;
  const waits: number[] = [];
  const good = (async () => {
    while (!over) {
      const began = performance.now();
      expect(await daemon.say("/echo hi", "good")).toBe("hi");
      waits.push(performance.now() - began);
    }
  })();
  expect(await daemon.say("/bad big", "b1")).toBe(SORRY);
  expect(await daemon.say("/bad exit", "b2")).toBe(SORRY);
  expect(await daemon.say("/bad loop", "b3")).toBe(SORRY);
  over = true;
  await good;
  expect(waits.length).toBeGreaterThan(50);
  expect(waits.toSorted((a, b) => a - b)[Math.floor(waits.length * 0.99)]).toBeLessThan(500);
  expect(await daemon.say("/bad leak", "b4")).toMatch(/suspended|could not be handled/);
});

test("an exception in Python is not tried again: one polite line, a dead letter with its reason, the traceback in the log", async () => {
  daemon = await startDaemon();
  const text = `from clawdbot.skill import BaseSkill
class Picky(BaseSkill):
  name = "picky"
  triggers = []
  def handle_message(self, msg):
    raise ValueError("Invalid content")`;
  await daemon.gateway.gateway.skills.load(await daemon.write("picky.py", text));
  const began = performance.now();
  expect(await daemon.say("/picky x")).toBe(SORRY);
  expect(performance.now() - began).toBeLessThan(900);
  const [letter] = await daemon.gateway.gateway.storage.deadLetters({ limit: 1 });
  expect(letter).toMatchObject({ reason: "skill_failed", detail: "ValueError: Invalid content", attempts: 1 });
  expect(daemon.gateway.lines.filter((line) => line.includes("skill threw") && line.includes("Traceback"))).toHaveLength(1);
});

test("a skill that crashes is tried again, and answers once it does not", async () => {
  daemon = await startDaemon();
  const once = `(await context.kv.get("died")) ? "alive" : (await context.kv.set("died", true), process.exit(1))`;
  await daemon.gateway.gateway.skills.load(await daemon.write("own.mjs", skillText("own", once)));
  expect(await daemon.say("/own")).toBe("alive");
});

test("a skill in quarantine is named by the status, and enabling it lets it answer again", async () => {
  daemon = await startDaemon({ performance: { max_attempts: 1 } });
  const { skills } = daemon.gateway.gateway;
  await skills.load(await daemon.write("own.mjs", skillText("own", `message.text === "ok" ? "ok" : process.exit(1)`)));
  for (let n = 0; n < 5; n++) expect(await daemon.say("/own die")).toBe(SORRY);
  expect(await daemon.say("/own ok")).toContain("suspended");
  expect(skills.list().find(({ name }) => name === "own")).toMatchObject({ state: "quarantined", detail: "ended with 1" });
  expect(await skills.setEnabled("own", true)).toMatchObject({ changed: true, skill: { state: "on" } });
  expect(await daemon.say("/own ok")).toBe("ok");
});

test("a skill that is slower than it may be is a timeout and a dead letter, and costs it nothing else", async () => {
  daemon = await startDaemon({ performance: { max_attempts: 1, skill_timeout: "300ms" } });
  const { gateway } = daemon.gateway;
  await gateway.skills.load(await daemon.write("own.mjs", skillText("own", "new Promise(() => {})")));
  expect(await daemon.say("/own")).toBe(SORRY);
  const [letter] = await gateway.storage.deadLetters({ limit: 1 });
  expect(letter).toMatchObject({ reason: "skill_timeout" });
  expect(gateway.skills.list().find(({ name }) => name === "own")?.state).toBe("on");
});
