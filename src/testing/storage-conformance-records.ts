import { expect } from "vitest";
import { conversationKey, type Reply } from "../message.ts";
import { textMessage } from "./messages.ts";
import { answer, end, failure, type Scenario, sent } from "./storage-scene.ts";

/** The part of storageConformance about what is kept for people to look at, key-value rows, and the store's life. */
export function recordsConformance(scenario: Scenario): void {
  scenario("a trace tells the whole way of a message, by its id or the platform's", async ({ storage }) => {
    const message = textMessage("question", { receivedAt: 500, sender: { id: "who" } });
    await storage.accept(message);
    expect(await storage.trace(message.id)).toEqual({
      id: message.id,
      channel: "test",
      account: "default",
      platformId: message.platformId,
      conversation: conversationKey(message),
      sender: "who",
      receivedAt: 500,
      duplicates: 0,
      state: "pending",
      outcome: null,
      reason: null,
      detail: null,
      skill: null,
      attempts: 0,
      steps: [],
      replies: [],
    });
    const reply = answer(message, "answer");
    const steps = [{ step: "run" as const, at: 1.5, ms: 20, note: "echo" }];
    await storage.finishMessage(message.id, end({ reason: "ok", detail: "fine", skill: "echo", steps, replies: [reply], attempts: 2 }));
    const trace = await storage.trace(message.platformId);
    expect(trace).toMatchObject({ id: message.id, state: "done", outcome: "replied", reason: "ok", detail: "fine", skill: "echo" });
    expect(trace).toMatchObject({
      attempts: 2,
      steps,
      replies: [{ id: reply.id, state: "pending", attempts: 0, at: null, platformId: null }],
    });
    expect(await storage.trace("nobody")).toBeNull();
  });

  scenario("traces are listed newest first, by time, conversation and channel", async ({ storage }) => {
    const hall = { conversation: { id: "hall", type: "group" as const } };
    const accepted = [
      textMessage("1", { receivedAt: 100 }),
      textMessage("2", { receivedAt: 200, ...hall }),
      textMessage("3", { receivedAt: 300, channel: "elsewhere" }),
      textMessage("4", { receivedAt: 400, ...hall }),
    ];
    for (const message of accepted) await storage.accept(message);
    const found = async (query: object) =>
      (await storage.traces({ limit: 10, ...query })).map(({ id }) => accepted.findIndex((message) => message.id === id) + 1);
    expect(await found({})).toEqual([4, 3, 2, 1]);
    expect(await found({ limit: 2 })).toEqual([4, 3]);
    expect(await found({ since: 200 })).toEqual([4, 3, 2]);
    expect(await found({ conversation: conversationKey(accepted[1]!) })).toEqual([4, 2]);
    expect(await found({ channel: "test", since: 200 })).toEqual([4, 2]);
  });

  scenario("history is what was said, each reply right after its message, up to now or to what is asked for", async (scene) => {
    const { storage } = scene;
    const [first, second, third] = [textMessage("1"), textMessage("2"), textMessage("3")];
    for (const message of [first, second, third]) await storage.accept(message);
    await storage.accept(textMessage("elsewhere", { conversation: { id: "hall", type: "group" } }));
    const [one, two] = [answer(first, "1a"), answer(first, "1b")];
    const given = answer(first, "never said");
    await storage.finishMessage(first.id, end({ replies: [one, two, given] }));
    await storage.buryReply(given.id, failure());
    await storage.finishReply(one.id, sent());
    const { messageId: _, ...proactive }: Reply = answer(third, "news");
    await storage.addReplies([proactive]);
    await storage.finishMessage(second.id, end({ replies: [answer(second, "2a")] }));
    await scene.reopen();
    const said = async (limit: number, before?: string) => {
      const found = await scene.storage.history(conversationKey(first), { limit, ...(before !== undefined && { before }) });
      return found.map(({ text }) => text);
    };
    expect(await said(10)).toEqual(["1", "1a", "1b", "2", "2a", "3", "news"]);
    expect(await said(2)).toEqual(["3", "news"]);
    expect(await said(10, third.id)).toEqual(["1", "1a", "1b", "2", "2a"]);
    expect(await said(2, third.id)).toEqual(["2", "2a"]);
    expect(await said(10, two.id)).toEqual(["1", "1a"]);
    expect(await said(10, proactive.id)).toEqual(["1", "1a", "1b", "2", "2a", "3"]);
    expect(await said(10, first.id)).toEqual([]);
    expect((await scene.storage.history(conversationKey(first), { limit: 10 }))[0]).toEqual(first);
  });

  scenario("counts and unfinished say what is left to do, now and after a restart", async (scene) => {
    const [early, late] = [textMessage("1", { receivedAt: 100 }), textMessage("2", { receivedAt: 200, account: "second" })];
    await scene.storage.accept(early);
    await scene.storage.accept(late);
    await scene.storage.finishMessage(early.id, end({ replies: [answer(early, "1a"), answer(early, "1b")] }));
    const check = async () => {
      expect(await scene.storage.counts()).toEqual({ inbox: 1, outbox: 2, deadLetters: 0, oldest: 200 });
      expect(await scene.storage.unfinished()).toEqual({
        inbox: [{ conversation: conversationKey(late), at: 0 }],
        outbox: [{ conversation: conversationKey(early), at: 0 }],
      });
    };
    await check();
    await scene.reopen();
    await check();
  });

  scenario("audit rows are listed newest first", async (scene) => {
    const entry = (at: number, result: "ok" | "denied") => ({
      at,
      actor: "test:u",
      action: "skill.run",
      target: "echo",
      result,
      reason: "r",
    });
    for (const at of [100, 200, 300]) await scene.storage.audit(entry(at, at === 200 ? "denied" : "ok"));
    await scene.reopen();
    const { storage } = scene;
    expect(await storage.auditEntries({ limit: 10 })).toEqual([entry(300, "ok"), entry(200, "denied"), entry(100, "ok")]);
    expect((await storage.auditEntries({ limit: 1 })).map(({ at }) => at)).toEqual([300]);
    expect((await storage.auditEntries({ limit: 10, since: 200 })).map(({ at }) => at)).toEqual([300, 200]);
  });

  scenario("prune forgets what has ended, with its dedupe key, and never unfinished work or dead letters", async (scene) => {
    const { storage, clock } = scene;
    const old = Array.from({ length: 700 }, (_, n) => textMessage(`old ${n}`, { platformId: `old ${n}` }));
    await Promise.all(old.map((message) => storage.accept(message)));
    const [pending, dead, recent, ...ended] = old;
    const replies = ended.map((message) => answer(message, "answer"));
    await Promise.all(ended.map((message, n) => storage.finishMessage(message.id, end({ at: 100, replies: [replies[n]!] }))));
    await storage.finishMessage(dead!.id, end({ at: 100, outcome: "dead" }));
    await storage.finishMessage(recent!.id, end({ at: 900 }));
    const [undelivered, ...delivered] = replies;
    await Promise.all(delivered.map((reply) => storage.finishReply(reply.id, sent({ at: 100, result: { sequence: 1 } }))));
    await storage.audit({ at: 100, actor: "a", action: "b", target: "c", result: "ok", reason: "d" });
    await storage.kvSet("space", "old", 1, { expiresAt: clock.now() + 10 });
    await storage.kvSet("space", "kept", 1);
    await clock.advance(1000);

    expect(await storage.prune(500)).toBe(ended.length + delivered.length + 2);
    await scene.reopen();
    expect(await scene.storage.prune(500)).toBe(0);
    expect(await scene.storage.counts()).toMatchObject({ inbox: 1, outbox: 1, deadLetters: 1 });
    expect((await scene.storage.pendingMessages(conversationKey(pending!), 10)).map(({ message }) => message.text)).toEqual(["old 0"]);
    expect((await scene.storage.pendingReplies(conversationKey(pending!), 10)).map(({ reply }) => reply.id)).toEqual([undelivered!.id]);
    expect(await scene.storage.sent("test", "default", -1, 10)).toEqual([]);
    expect(await scene.storage.auditEntries({ limit: 10 })).toEqual([]);
    const again = (platformId: string) => scene.storage.accept(textMessage("again", { platformId }));
    expect(await Promise.all(["old 0", "old 1", "old 2", "old 3", "old 699"].map(again))).toEqual([
      ...["duplicate", "duplicate", "duplicate"],
      ...["accepted", "accepted"],
    ]);
  });

  scenario("key-value rows come back as they were set, and see their own writes", async (scene) => {
    const { storage } = scene;
    expect(await storage.kvGet("space", "key")).toBeNull();
    const writing = storage.kvSet("space", "key", { nested: ["你好", 1.5, null] });
    expect((await storage.kvGet("space", "key"))?.value).toEqual({ nested: ["你好", 1.5, null] });
    const version = await writing;
    await scene.reopen();
    expect(await scene.storage.kvGet("space", "key")).toEqual({ value: { nested: ["你好", 1.5, null] }, version });
    expect(await scene.storage.kvGet("other", "key")).toBeNull();
    await scene.storage.kvDelete("space", "key");
    expect(await scene.storage.kvGet("space", "key")).toBeNull();
    await expect(scene.storage.kvSet("space", "key", undefined)).rejects.toMatchObject({ code: "CLAWDBOT_ERR_INVALID" });
  });

  scenario("a conditional set is written only over the version that it names", async ({ storage }) => {
    const first = await storage.kvSet("space", "key", 1, { ifVersion: 0 });
    expect(first).toBeGreaterThan(0);
    expect(await storage.kvSet("space", "key", 2, { ifVersion: 0 })).toBeNull();
    const second = await storage.kvSet("space", "key", 2, { ifVersion: first! });
    expect(second).toBeGreaterThan(first!);
    expect(await storage.kvSet("space", "key", 3, { ifVersion: first! })).toBeNull();
    await storage.kvDelete("space", "key");
    const third = await storage.kvSet("space", "key", 4, { ifVersion: 0 });
    expect(await storage.kvSet("space", "key", 5, { ifVersion: second! })).toBeNull();
    expect(await storage.kvGet("space", "key")).toEqual({ value: 4, version: third });
  });

  scenario("20 writers that add 1 fifty times each, by compare and set, make exactly 1000", async ({ storage }) => {
    const addOne = async (): Promise<void> => {
      const row = await storage.kvGet("space", "sum");
      const sum = (row?.value as number | undefined) ?? 0;
      if ((await storage.kvSet("space", "sum", sum + 1, { ifVersion: row?.version ?? 0 })) === null) return addOne();
    };
    const writer = async () => {
      for (let n = 0; n < 50; n++) await addOne();
    };
    await Promise.all(Array.from({ length: 20 }, writer));
    expect((await storage.kvGet("space", "sum"))?.value).toBe(1000);
  });

  scenario("an expired row is as good as gone", async ({ storage, clock }) => {
    await storage.kvSet("space", "key", 1, { expiresAt: clock.now() + 1000 });
    clock.jump(999);
    expect((await storage.kvGet("space", "key"))?.value).toBe(1);
    clock.jump(1);
    expect(await storage.kvGet("space", "key")).toBeNull();
    expect(await storage.kvList("space", "", 10)).toEqual([]);
    expect(await storage.kvSet("space", "key", 2, { ifVersion: 0 })).toBeGreaterThan(0);
    clock.jump(10_000);
    expect((await storage.kvGet("space", "key"))?.value).toBe(2);
  });

  scenario("keys are listed by prefix, ascending, up to the limit", async ({ storage }) => {
    for (const key of ["b2", "a_", "b1", "a%", "b%", "c", "b"]) await storage.kvSet("space", key, key);
    await storage.kvSet("other", "b3", 0);
    const keys = async (prefix: string, limit: number) => (await storage.kvList("space", prefix, limit)).map(({ key }) => key);
    expect(await keys("b", 10)).toEqual(["b", "b%", "b1", "b2"]);
    expect(await keys("b", 2)).toEqual(["b", "b%"]);
    expect(await keys("a_", 10)).toEqual(["a_"]);
    expect(await keys("", 10)).toHaveLength(7);
    expect(await keys("d", 10)).toEqual([]);
  });

  scenario("bears start and stop twice, stop before start, and calls while it is stopped", async ({ storage }) => {
    await storage.start();
    await storage.probe();
    await Promise.all([storage.stop(), storage.stop()]);
    await storage.stop();
    for (const call of [
      () => storage.probe(),
      () => storage.accept(textMessage("x")),
      () => storage.pendingMessages("c", 1),
      () => storage.trace("x"),
    ]) {
      await expect(call()).rejects.toMatchObject({ code: "CLAWDBOT_ERR_STORAGE", retryable: true });
    }
    await Promise.all([storage.start(), storage.stop(), storage.start()]);
    await expect(storage.probe()).resolves.toBeUndefined();
  });

  scenario("stop lets what was called before it end; nothing that was confirmed is missing after the next start", async ({ storage }) => {
    const confirmed: string[] = [];
    for (let round = 0; round < 5; round++) {
      const accepting = Array.from({ length: 100 }, async () => {
        const message = textMessage("x");
        await storage.accept(message);
        confirmed.push(message.id);
      });
      await storage.stop();
      await Promise.all(accepting);
      await storage.start();
    }
    const pending = await storage.pendingMessages(conversationKey(textMessage("x")), 1000);
    expect(confirmed).toHaveLength(500);
    expect(pending.map(({ message }) => message.id)).toEqual(confirmed);
  });
}
