import { describe, expect, test } from "vitest";
import { ClawdbotError, OverloadedError, RateLimitError, StorageError, UnreachableError } from "../../src/errors.ts";
import { defineSkill } from "../../src/skill.ts";
import { inboundText } from "../../src/testing/messages.ts";
import { until } from "../../src/testing/until.ts";
import { echo, room, say, setup, texts, traced } from "./harness.ts";

describe("the way of a message", () => {
  test("is answered, and its trace tells every step", async () => {
    const on = await setup();
    expect(await say(on, "/echo hi")).toBe("accepted");
    const trace = await traced(on, ({ replies }) => replies[0]?.state === "sent");
    expect(texts(on)).toEqual(["hi"]);
    expect(trace).toMatchObject({ state: "done", outcome: "replied", reason: "answered", skill: "echo", attempts: 1 });
    expect(trace.steps.map(({ step }) => step)).toEqual(["accept", "guard", "route", "run", "finish"]);
    expect(trace.replies).toMatchObject([{ state: "sent", attempts: 1, platformId: "sent" }]);
  });

  test("a message that nobody takes ends with that outcome and no reply", async () => {
    const on = await setup();
    await say(on, "just talking");
    expect(await traced(on, ({ state }) => state === "done")).toMatchObject({ outcome: "nobody", reason: "no_skill", replies: [] });
    expect(on.calls).toEqual([]);
  });

  test("skills without triggers are asked in turn until one answers", async () => {
    const asked: string[] = [];
    const answering = (name: string, answer: string | null) => {
      asked.push(name);
      return answer;
    };
    const shy = defineSkill({ name: "shy", version: "1", description: "", priority: 2, handleMessage: () => answering("shy", null) });
    const bold = defineSkill({
      name: "bold",
      version: "1",
      description: "",
      priority: 1,
      handleMessage: () => answering("bold", "mine"),
    });
    const late = defineSkill({ name: "late", version: "1", description: "", handleMessage: () => answering("late", "too late") });
    const on = await setup({ skills: [late, bold, shy] });
    await say(on, "hello");
    await until("the reply", () => on.calls.length === 1);
    expect(asked).toEqual(["shy", "bold"]);
    expect(texts(on)).toEqual(["mine"]);
  });

  test("several replies go out in the order in which the skill made them", async () => {
    const chatty = defineSkill({
      name: "chatty",
      version: "1",
      description: "",
      triggers: [],
      async handleMessage(_message, context) {
        context.reply("one");
        await Promise.resolve();
        context.reply({ type: "markdown", content: "**two**" });
        return "three";
      },
    });
    const on = await setup({ skills: [chatty] });
    await say(on, "/chatty");
    await until("three replies", () => on.calls.length === 3);
    expect(texts(on)).toEqual(["one", "**two**", "three"]);
  });

  test("an empty reply is none, however the skill made it", async () => {
    const hollow = defineSkill({
      name: "hollow",
      version: "1",
      description: "",
      triggers: [],
      handleMessage(_message, context) {
        context.reply("");
        context.reply([]);
        return "";
      },
    });
    const on = await setup({ skills: [hollow] });
    await say(on, "/hollow");
    expect(await traced(on, ({ state }) => state === "done")).toMatchObject({ outcome: "silent", replies: [] });
  });

  test("a reply too long for the platform is stored in parts, one call each", async () => {
    const on = await setup();
    on.platform.split = ([first]) => (first?.type === "text" ? [...first.text].map((text) => [{ type: "text" as const, text }]) : []);
    await say(on, "/echo abc");
    await until("three calls", () => on.calls.length === 3);
    expect(texts(on)).toEqual(["a", "b", "c"]);
    expect(new Set(on.calls.map(({ reply }) => reply.id)).size).toBe(3);
  });

  test("the same platform id is handled once: three at a time, later, and after a restart", async () => {
    const on = await setup();
    const message = inboundText("/echo once");
    const results = await Promise.all([1, 2, 3].map(() => on.pipeline.receive("test", message)));
    expect(results.sort()).toEqual(["accepted", "duplicate", "duplicate"]);
    await until("the reply", () => on.calls.length === 1);
    await on.clock.advance(3 * 86_400_000);
    await on.restart();
    expect(await on.pipeline.receive("test", message)).toBe("duplicate");
    await say(on, "/echo end");
    await until("the last reply", () => texts(on).includes("end"));
    expect(texts(on)).toEqual(["once", "end"]);
    expect(await traced(on, ({ duplicates }) => duplicates === 3)).toMatchObject({ platformId: message.platformId });
  });
});

describe("order", () => {
  test("messages of one conversation are handled one after the other, others meanwhile", async () => {
    const release = new Map<string, () => void>();
    const begun: string[] = [];
    const slow = defineSkill({
      name: "slow",
      version: "1",
      description: "",
      triggers: [],
      async handleMessage(message) {
        begun.push(message.text);
        await new Promise<void>((resolve) => release.set(message.text, resolve));
        return message.text;
      },
    });
    const on = await setup({ skills: [slow] });
    await say(on, "/slow a1", room("a"));
    await say(on, "/slow a2", room("a"));
    await say(on, "/slow b1", room("b"));
    await until("a1 and b1 to begin", () => begun.length === 2);
    expect(begun).toEqual(["a1", "b1"]);
    release.get("b1")?.();
    await until("b1's reply", () => texts(on).includes("b1"));
    expect(begun).toEqual(["a1", "b1"]);
    release.get("a1")?.();
    await until("a2 to begin", () => begun.includes("a2"));
    release.get("a2")?.();
    await until("a2's reply", () => texts(on).includes("a2"));
    expect(texts(on)).toEqual(["b1", "a1", "a2"]);
  });

  test("a reply that has to wait is not overtaken by the next one of its conversation", async () => {
    const on = await setup();
    let limited = true;
    on.platform.send = () => {
      if (limited) throw new RateLimitError(10_000);
      return {};
    };
    await say(on, "/echo first");
    await say(on, "/echo second");
    await until("the refused call and both ends", async () => on.calls.length === 1 && (await on.storage.counts()).inbox === 0);
    await on.clock.advance(9000);
    expect(texts(on)).toEqual(["first"]);
    limited = false;
    await on.clock.advance(1001);
    await until("both", () => on.calls.length === 3);
    expect(texts(on)).toEqual(["first", "first", "second"]);
  });
});

describe("failure of a skill", () => {
  const failing = (error: () => unknown) =>
    defineSkill({
      name: "fail",
      version: "1",
      description: "",
      triggers: [],
      handleMessage() {
        throw error();
      },
    });

  test("is retried with growing pauses and ends as a dead letter after max_attempts; the sender is told once", async () => {
    let runs = 0;
    const on = await setup({ skills: [failing(() => new Error(`no database ${++runs}`)), echo] });
    await say(on, "/fail", room("a"));
    await until("the first run", () => runs === 1);
    await say(on, "/echo free", room("b"));
    await until("the other conversation", () => texts(on).includes("free"));
    for (let expected = 2; expected <= 5; expected++) {
      await until(`run ${expected}`, async () => {
        await on.clock.advance(500);
        return runs === expected;
      });
    }
    const [letter] = await until("the dead letter", async () => {
      const letters = await on.storage.deadLetters({ limit: 10 });
      return letters.length === 1 ? letters : undefined;
    });
    expect(letter).toMatchObject({ kind: "message", attempts: 5, reason: "skill_failed", detail: "no database 5" });
    await until("the notice", () => on.calls.length === 2);
    expect(texts(on)[1]).toMatch(/could not be handled/);
    await on.clock.advance(120_000);
    expect(runs).toBe(5);
  });

  test("that is not retryable is given up at once", async () => {
    const on = await setup({ skills: [failing(() => new ClawdbotError("CLAWDBOT_ERR_INVALID", "never"))] });
    await say(on, "/fail");
    expect(await traced(on, ({ state }) => state === "dead")).toMatchObject({ outcome: "dead", reason: "skill_failed", attempts: 1 });
  });

  test("by an answer that cannot be stored, or is none, ends as a dead letter and blocks nothing", async () => {
    const odd = defineSkill({
      name: "odd",
      version: "1",
      description: "",
      triggers: [],
      handleMessage: ({ text }) => (text === "number" ? (42 as never) : [{ type: "text", text: "x", size: 10n } as never]),
    });
    const on = await setup({ skills: [odd, echo] });
    await say(on, "/odd number");
    await say(on, "/odd bigint");
    await say(on, "/echo next");
    await until("the next message", () => texts(on).includes("next"));
    const letters = await on.storage.deadLetters({ limit: 9 });
    expect(letters.map(({ reason }) => reason)).toEqual(["skill_failed", "skill_failed"]);
  });

  test("by not answering is cut at its deadline; what it answers later is dropped", async () => {
    let answer: ((text: string) => void) | undefined;
    let aborted = false;
    const hanging = defineSkill({
      name: "hang",
      version: "1",
      description: "",
      triggers: [],
      handleMessage(_message, { signal }) {
        signal.addEventListener("abort", () => (aborted = true));
        return new Promise((resolve) => (answer = resolve));
      },
    });
    const on = await setup({ skills: [hanging], limits: { skill_timeout: 1000, max_attempts: 1 } });
    await say(on, "/hang");
    await until("the call", () => answer);
    await on.clock.advance(1000);
    await traced(on, ({ reason }) => reason === "skill_timeout");
    expect(aborted).toBe(true);
    answer?.("too late");
    await until("the notice", () => on.calls.length === 1);
    expect(texts(on)[0]).toMatch(/could not be handled/);
  });

  test("a dead letter that is replayed is handled again and answered", async () => {
    let broken = true;
    const moody = defineSkill({
      name: "moody",
      version: "1",
      description: "",
      triggers: [],
      handleMessage(message) {
        if (broken) throw new ClawdbotError("CLAWDBOT_ERR_INVALID", "not today");
        return message.text;
      },
    });
    const on = await setup({ skills: [moody] });
    await say(on, "/moody please");
    const trace = await traced(on, ({ state }) => state === "dead");
    broken = false;
    expect(await on.pipeline.replay(trace.id)).toBe(true);
    await until("the answer", () => texts(on).includes("please"));
    expect(await on.pipeline.replay(trace.id)).toBe(false);
  });
});

describe("bounds", () => {
  test("beyond max_queue_size messages are refused aloud, and taken again when there is room", async () => {
    const release: (() => void)[] = [];
    const slow = defineSkill({
      name: "slow",
      version: "1",
      description: "",
      triggers: [],
      handleMessage: () => new Promise((resolve) => release.push(() => resolve("done"))),
    });
    const on = await setup({ skills: [slow], limits: { max_queue_size: 2 } });
    await say(on, "/slow", room("a"));
    await say(on, "/slow", room("b"));
    const refused = say(on, "/slow", room("c"));
    await expect(refused).rejects.toBeInstanceOf(OverloadedError);
    await expect(refused).rejects.toMatchObject({ retryAfterMs: expect.any(Number) });
    await until("both to run", () => release.length === 2);
    release[0]?.();
    await until("room", async () => (await on.storage.counts()).inbox === 1);
    expect(await say(on, "/slow", room("d"))).toBe("accepted");
    await until("the third to run", () => release.length === 3);
    for (const each of release) each();
  });

  test("duplicates and refused writes take up no room", async () => {
    let full = false;
    const on = await setup({
      limits: { max_queue_size: 1 },
      wrap: (storage) =>
        new Proxy(storage, {
          get: (target, key, receiver) =>
            key === "accept" && full
              ? () => Promise.reject(new StorageError("disk full", { full: true }))
              : Reflect.get(target, key, receiver),
        }),
    });
    const message = inboundText("/echo a");
    await on.pipeline.receive("test", message);
    await until("its end", async () => (await on.storage.counts()).inbox === 0);
    for (let n = 0; n < 3; n++) expect(await on.pipeline.receive("test", message)).toBe("duplicate");
    full = true;
    for (let n = 0; n < 3; n++) await expect(say(on, "/echo b")).rejects.toBeInstanceOf(StorageError);
    full = false;
    expect(await say(on, "/echo c")).toBe("accepted");
    await until("c", () => texts(on).includes("c"));
  });

  test("undelivered replies beyond max_outbox_size refuse new messages", async () => {
    const on = await setup({ limits: { max_outbox_size: 1 } });
    on.platform.send = () => {
      throw new UnreachableError("away");
    };
    await say(on, "/echo one");
    await until("its end", async () => (await on.storage.counts()).outbox === 1);
    await expect(say(on, "/echo two")).rejects.toThrow(/max_outbox_size/);
    const proactive = { channel: "test", account: "default", ...room("b"), segments: [{ type: "text" as const, text: "news" }] };
    await expect(on.pipeline.send(proactive)).rejects.toBeInstanceOf(OverloadedError);
  });

  test("a message sent again while the store refused its end is not run again", async () => {
    let runs = 0;
    let failures = 3;
    const counting = defineSkill({ name: "count", version: "1", description: "", triggers: [], handleMessage: () => `run ${++runs}` });
    const on = await setup({
      skills: [counting],
      wrap: (storage) =>
        new Proxy(storage, {
          get: (target, key, receiver) =>
            key === "finishMessage" && failures-- > 0
              ? () => Promise.reject(new StorageError("disk full", { full: true }))
              : Reflect.get(target, key, receiver),
        }),
    });
    await say(on, "/count");
    await until("the reply", async () => {
      await on.clock.advance(100);
      return on.calls.length === 1;
    });
    expect(texts(on)).toEqual(["run 1"]);
  });
});

describe("permission", () => {
  const permissions = "skills:\n  echo:\n    deny_users: [888888]\n    rate_limit: 2/60s\n";

  test("a denied sender is told once per window, every denial has its trace and its audit row", async () => {
    const on = await setup({ permissions });
    for (let n = 0; n < 3; n++) await say(on, "/echo hi", { sender: { id: "888888" } });
    await until(
      "three ends",
      async () => (await on.storage.traces({ limit: 9 })).filter(({ outcome }) => outcome === "denied").length === 3,
    );
    await until("the notice", () => on.calls.length === 1);
    expect(texts(on)).toEqual(["You may not use echo."]);
    expect(await traced(on, ({ outcome }) => outcome === "denied")).toMatchObject({
      reason: "user_denied",
      detail: "permissions.yaml:3 deny_users",
    });
    expect(await on.storage.auditEntries({ limit: 9 })).toHaveLength(3);
  });

  test("the limit counts messages, not attempts, and says the seconds to wait in the sender's language", async () => {
    const on = await setup({ permissions });
    await say(on, "/echo 一");
    await say(on, "/echo 二");
    await until("two replies", () => on.calls.length === 2);
    await say(on, "/echo 三");
    await until("the notice", () => on.calls.length === 3);
    expect(texts(on)).toEqual(["一", "二", "echo 使用太频繁，请 60 秒后再试。"]);
    await on.clock.advance(60_001);
    await say(on, "/echo 四");
    await until("the fourth", () => texts(on).includes("四"));
  });
});

describe("stopping", () => {
  test("a send that is cut off at the end of the drain is no failed attempt, and goes out with the next start", async () => {
    const on = await setup({ limits: { max_attempts: 1, drain_timeout: 1000 } });
    on.platform.send = (_reply, { signal }) =>
      new Promise((_, reject) => signal.addEventListener("abort", () => reject(new Error("cut off"))));
    await say(on, "/echo patient");
    await until("the call", () => on.calls.length === 1);
    const stopping = on.pipeline.stop();
    await on.clock.advance(1000);
    await stopping;
    on.platform.send = () => ({});
    await on.restart();
    await until("the second call", () => on.calls.length === 2);
    expect(on.calls[1]?.attempt).toMatchObject({ number: 1, maybeSent: true });
    expect(await on.storage.deadLetters({ limit: 1 })).toEqual([]);
  });

  test("leaves nothing behind that goes on", async () => {
    let asked: (() => void) | undefined;
    const on = await setup({
      wrap: (storage) =>
        new Proxy(storage, {
          get: (target, key, receiver) =>
            key === "unfinished" && asked
              ? async () => {
                  asked?.();
                  await new Promise((resolve) => setImmediate(resolve));
                  return { inbox: [], outbox: [] };
                }
              : Reflect.get(target, key, receiver),
        }),
    });
    let stopping: Promise<void> | undefined;
    asked = () => {
      stopping ??= on.pipeline.stop();
    };
    await on.clock.advance(5000);
    await stopping;
    await on.clock.advance(10);
    expect(on.clock.pendingTimers).toBe(0);
  });

  test("refuses new messages, lets the running skill end, and leaves the rest for the next start", async () => {
    let release: (() => void) | undefined;
    const letGo = () => release?.();
    const slow = defineSkill({
      name: "slow",
      version: "1",
      description: "",
      triggers: [],
      handleMessage: (message) => new Promise((resolve) => (release = () => resolve(message.text))),
    });
    const on = await setup({ skills: [slow] });
    await say(on, "/slow first");
    await say(on, "/slow second");
    await until("the first to run", () => release);
    on.pipeline.close();
    await expect(say(on, "/slow third")).rejects.toThrow(/stopping/);
    const restarted = on.restart();
    letGo();
    release = undefined;
    await restarted;
    await until("the second to run after the restart", () => release);
    letGo();
    await until("both replies", () => on.calls.length === 2);
    expect(texts(on)).toEqual(["first", "second"]);
  });
});
