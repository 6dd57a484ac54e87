import { describe, expect, test } from "vitest";
import type { Clock } from "../clock.ts";
import { conversationKey, type Reply } from "../message.ts";
import type { Storage } from "../storage/storage.ts";
import { fakeClock } from "./fake-clock.ts";
import { textMessage } from "./messages.ts";
import { recordsConformance } from "./storage-conformance-records.ts";
import { answer, end, failure, type Scenario, type Scene, sent } from "./storage-scene.ts";

export interface StorageUnderTest {
  /** Started. */
  storage: Storage;
  /** Ends the store and resolves with a started one on the same data, as after a restart of the daemon. */
  reopen(): Promise<Storage>;
  /** Ends the one that was made last and removes its data. */
  cleanup(): Promise<void>;
}

/** What every Storage promises; run it over your own store: `storageConformance("mine", (clock) => …)`. */
export function storageConformance(name: string, make: (clock: Clock) => Promise<StorageUnderTest>): void {
  const scenario: Scenario = (title, run) =>
    test(title, async () => {
      const clock = fakeClock();
      const made = await make(clock);
      const scene: Scene = {
        storage: made.storage,
        clock,
        async reopen() {
          scene.storage = await made.reopen();
        },
      };
      try {
        await run(scene);
      } finally {
        await made.cleanup();
      }
    });

  describe(`storage ${name}`, () => {
    inboxConformance(scenario);
    outboxConformance(scenario);
    deadLettersConformance(scenario);
    recordsConformance(scenario);
  });
}

function inboxConformance(scenario: Scenario): void {
  scenario("a message is accepted once, whoever delivers it again, at once or after a restart", async (scene) => {
    const message = textMessage("hello", { platformId: "same" });
    const again = () => scene.storage.accept(textMessage("hello", { platformId: "same" }));
    const results = await Promise.all([scene.storage.accept(message), again(), again()]);
    expect(results).toEqual(["accepted", "duplicate", "duplicate"]);
    await scene.reopen();
    expect(await again()).toBe("duplicate");
    await scene.storage.finishMessage(message.id, end());
    expect(await again()).toBe("duplicate");
    expect(await scene.storage.pendingMessages(conversationKey(message), 10)).toEqual([]);
    expect(await scene.storage.trace(message.id)).toMatchObject({ duplicates: 4 });
  });

  scenario("the same platform id is another message on another account or channel", async ({ storage }) => {
    for (const other of [{}, { account: "second" }, { channel: "elsewhere" }]) {
      expect(await storage.accept(textMessage("hello", { platformId: "same", ...other }))).toBe("accepted");
    }
  });

  scenario("unfinished messages come in order of acceptance, whatever their ids and times, now and after a restart", async (scene) => {
    const accepted = Array.from({ length: 50 }, (_, n) => textMessage(`${n}`, { id: `id-${99 - n}`, receivedAt: 1000 - n }));
    await Promise.all(accepted.map((message) => scene.storage.accept(message)));
    const texts = async (limit: number) => {
      const pending = await scene.storage.pendingMessages(conversationKey(accepted[0]!), limit);
      return pending.map(({ message }) => message.text);
    };
    const all = accepted.map(({ text }) => text);
    expect(await texts(100)).toEqual(all);
    expect(await texts(3)).toEqual(all.slice(0, 3));
    await scene.reopen();
    expect(await texts(3)).toEqual(all.slice(0, 3));
    expect(await texts(100)).toEqual(all);
    await scene.storage.finishMessage(accepted[1]!.id, end());
    await scene.storage.accept(textMessage("last"));
    expect(await texts(100)).toEqual([all[0], ...all.slice(2), "last"]);
  });

  scenario("conversations do not see each other's messages", async ({ storage }) => {
    const rooms = [{}, { account: "second" }, { channel: "elsewhere" }, { conversation: { id: "hall", type: "group" as const } }];
    const accepted = rooms.map((room, n) => textMessage(`${n}`, room));
    for (const message of accepted) await storage.accept(message);
    for (const message of accepted) {
      expect(await storage.pendingMessages(conversationKey(message), 10)).toEqual([{ message, attempts: 0, notBefore: 0 }]);
    }
  });

  scenario("a message comes back as it was given, and changing what was read changes nothing", async (scene) => {
    const message = textMessage('你好 "quoted" \u0000 \ud83d\ude00\n', {
      raw: { nested: [1, "zwei", null] },
      sender: { id: "u", isAdmin: true },
    });
    await scene.storage.accept(message);
    const [first] = await scene.storage.pendingMessages(conversationKey(message), 1);
    expect(first!.message).toEqual(message);
    first!.message.text = "changed";
    first!.message.segments.length = 0;
    expect((await scene.storage.pendingMessages(conversationKey(message), 1))[0]!.message).toEqual(message);
    await scene.reopen();
    expect((await scene.storage.pendingMessages(conversationKey(message), 1))[0]!.message).toEqual(message);
  });

  scenario("what can never be stored rejects and hurts nobody else", async ({ storage }) => {
    const bad = [textMessage("bad", { raw: 1n }), textMessage("bad", { id: "taken" }), textMessage("bad", { receivedAt: null as never })];
    await storage.accept(textMessage("good", { id: "taken" }));
    const good = Array.from({ length: 20 }, (_, n) => textMessage(`good ${n}`));
    const results = await Promise.allSettled([...good.slice(0, 10), ...bad, ...good.slice(10)].map((message) => storage.accept(message)));
    const refused = results.flatMap((result) => (result.status === "rejected" ? [(result.reason as { code: string }).code] : []));
    expect(refused).toEqual(bad.map(() => "CLAWDBOT_ERR_INVALID"));
    expect((await storage.pendingMessages(conversationKey(good[0]!), 100)).slice(1).map(({ message }) => message.text)).toEqual(
      good.map(({ text }) => text),
    );
  });

  scenario("a finished message leaves its replies behind, also after a restart", async (scene) => {
    const message = textMessage("question");
    await scene.storage.accept(message);
    const replies = [answer(message, "one"), answer(message, "two")];
    await scene.storage.finishMessage(message.id, end({ replies }));
    const check = async () => {
      expect(await scene.storage.pendingMessages(conversationKey(message), 10)).toEqual([]);
      const pending = await scene.storage.pendingReplies(conversationKey(message), 10);
      expect(pending.map(({ reply }) => reply)).toEqual(replies);
      expect(await scene.storage.counts()).toMatchObject({ inbox: 0, outbox: 2 });
    };
    await check();
    await scene.reopen();
    await check();
  });

  scenario("finishing is all or nothing", async (scene) => {
    const message = textMessage("question");
    await scene.storage.accept(message);
    const twice = answer(message, "one");
    await expect(scene.storage.finishMessage(message.id, end({ replies: [twice, twice] }))).rejects.toMatchObject({
      code: "CLAWDBOT_ERR_INVALID",
    });
    const check = async () => {
      expect(await scene.storage.pendingMessages(conversationKey(message), 10)).toHaveLength(1);
      expect(await scene.storage.pendingReplies(conversationKey(message), 10)).toEqual([]);
      expect(await scene.storage.counts()).toMatchObject({ inbox: 1, outbox: 0 });
    };
    await check();
    await scene.reopen();
    await check();
  });

  scenario("a message that has ended stays as it is, and further replies are not written", async (scene) => {
    const message = textMessage("question");
    await scene.storage.accept(message);
    const finish = (text: string, reason: string) =>
      scene.storage.finishMessage(message.id, end({ reason, replies: [answer(message, text)] }));
    await Promise.all([finish("one", "first"), finish("two", "second")]);
    await scene.storage.retryMessage(message.id, failure({ attempts: 7 }));
    await scene.reopen();
    await finish("three", "third");
    const pending = await scene.storage.pendingReplies(conversationKey(message), 10);
    expect(pending.map(({ reply }) => reply.text)).toEqual(["one"]);
    expect(await scene.storage.trace(message.id)).toMatchObject({ state: "done", reason: "first", attempts: 1 });
  });

  scenario("a failed attempt keeps its number and time, and its place in the order", async (scene) => {
    const [first, second] = [textMessage("1"), textMessage("2")];
    await scene.storage.accept(first);
    await scene.storage.accept(second);
    await scene.storage.retryMessage(first.id, failure({ attempts: 2, notBefore: 5000, reason: "skill_failed" }));
    const check = async () => {
      expect(await scene.storage.pendingMessages(conversationKey(first), 10)).toEqual([
        { message: first, attempts: 2, notBefore: 5000 },
        { message: second, attempts: 0, notBefore: 0 },
      ]);
      expect((await scene.storage.unfinished()).inbox).toEqual([{ conversation: conversationKey(first), at: 5000 }]);
    };
    await check();
    expect(await scene.storage.trace(first.id)).toMatchObject({ state: "pending", attempts: 2, reason: "skill_failed" });
    await scene.reopen();
    await check();
  });
}

function outboxConformance(scenario: Scenario): void {
  scenario("replies are delivered in the order in which they were written, answers and proactive ones alike", async (scene) => {
    const message = textMessage("question");
    await scene.storage.accept(message);
    await scene.storage.addReplies([answer(message, "1", { id: "z" }), answer(message, "2", { id: "y" })]);
    await scene.storage.finishMessage(message.id, end({ replies: [answer(message, "3", { id: "x" })] }));
    await scene.storage.addReplies([answer(message, "4", { id: "w" })]);
    const texts = async () => (await scene.storage.pendingReplies(conversationKey(message), 10)).map(({ reply }) => reply.text);
    expect(await texts()).toEqual(["1", "2", "3", "4"]);
    await scene.storage.finishReply("y", sent());
    expect(await texts()).toEqual(["1", "3", "4"]);
    await scene.reopen();
    expect(await texts()).toEqual(["1", "3", "4"]);
  });

  scenario("a reply may have been sent before when an earlier run had it, or a failed attempt says so", async (scene) => {
    const message = textMessage("question");
    const replies = [answer(message, "1"), answer(message, "2"), answer(message, "3")];
    await scene.storage.addReplies(replies);
    await scene.storage.retryReply(replies[0]!.id, failure({ attempts: 1, notBefore: 9000, maybeSent: true }));
    await scene.storage.retryReply(replies[0]!.id, failure({ attempts: 2, notBefore: 9500, maybeSent: false }));
    await scene.storage.retryReply(replies[1]!.id, failure({ attempts: 1, notBefore: 9000 }));
    const pending = async () =>
      (await scene.storage.pendingReplies(conversationKey(message), 10)).map(({ attempts, notBefore, maybeSent }) => [
        attempts,
        notBefore,
        maybeSent,
      ]);
    expect(await pending()).toEqual([
      [2, 9500, true],
      [1, 9000, false],
      [0, 0, false],
    ]);
    await scene.reopen();
    await scene.storage.addReplies([answer(message, "4")]);
    expect(await pending()).toEqual([
      [2, 9500, true],
      [1, 9000, true],
      [0, 0, true],
      [0, 0, false],
    ]);
    expect((await scene.storage.unfinished()).outbox).toEqual([{ conversation: conversationKey(message), at: 9500 }]);
  });

  scenario("a reply that was sent or given up stays so", async (scene) => {
    const message = textMessage("question");
    const [gone, given] = [answer(message, "sent"), answer(message, "given up")];
    await scene.storage.accept(message);
    await scene.storage.finishMessage(message.id, end({ replies: [gone, given] }));
    await scene.storage.finishReply(gone.id, sent({ at: 700, attempts: 3, result: { platformId: "p-1" } }));
    await scene.storage.buryReply(given.id, failure({ attempts: 5, reason: "rejected", detail: "too long", at: 800 }));
    await Promise.all([
      scene.storage.buryReply(gone.id, failure({ attempts: 9 })),
      scene.storage.retryReply(gone.id, failure({ attempts: 9 })),
      scene.storage.finishReply(given.id, sent({ attempts: 9 })),
    ]);
    expect(await scene.storage.pendingReplies(conversationKey(message), 10)).toEqual([]);
    expect((await scene.storage.trace(message.id))?.replies).toEqual([
      { id: gone.id, state: "sent", attempts: 3, at: 700, reason: null, detail: null, platformId: "p-1" },
      { id: given.id, state: "dead", attempts: 5, at: 800, reason: "rejected", detail: "too long", platformId: null },
    ]);
    expect(await scene.storage.counts()).toMatchObject({ outbox: 0, deadLetters: 1 });
  });

  scenario("sent replies are found by their sequence", async (scene) => {
    const replies = Array.from({ length: 5 }, (_, n) => answer(textMessage("question"), `${n}`));
    const other = answer(textMessage("question", { account: "second" }), "other");
    await scene.storage.addReplies([...replies, other]);
    for (const [n, reply] of replies.entries()) {
      await scene.storage.finishReply(reply.id, sent({ result: n === 0 ? {} : { sequence: n, detail: "ok" } }));
    }
    await scene.storage.finishReply(other.id, sent({ result: { sequence: 99 } }));
    await scene.reopen();
    const found = async (after: number, limit: number) =>
      (await scene.storage.sent("test", "default", after, limit)).map(({ result }) => result);
    expect(await scene.storage.sent("test", "default", 1, 1)).toEqual([{ reply: replies[2], result: { sequence: 2, detail: "ok" } }]);
    expect((await found(0, 10)).map(({ sequence }) => sequence)).toEqual([1, 2, 3, 4]);
    expect((await found(-1, 10)).map(({ sequence }) => sequence)).toEqual([4]);
    expect(await found(4, 10)).toEqual([]);
    expect(await scene.storage.sent("test", "nobody", -1, 10)).toEqual([]);
  });
}

function deadLettersConformance(scenario: Scenario): void {
  /** Three dead messages and a dead reply: d1 and d3 of "skill_failed", d2 of "poison", d4 the reply. */
  async function bury(storage: Storage): Promise<Reply> {
    for (const [n, reason] of ["skill_failed", "poison", "skill_failed"].entries()) {
      const message = textMessage(`dead ${n + 1}`, { id: `d${n + 1}`, platformId: `dead ${n + 1}` });
      await storage.accept(message);
      await storage.finishMessage(message.id, end({ outcome: "dead", reason, detail: "broke", attempts: 5, at: 100 * (n + 1) }));
    }
    const reply = answer(textMessage("question"), "dead 4", { id: "d4" });
    await storage.addReplies([reply]);
    await storage.buryReply(reply.id, failure({ attempts: 4, reason: "rejected", detail: "no", at: 400 }));
    return reply;
  }

  scenario("dead letters are listed newest first, by page, reason and channel, and shown with their content", async (scene) => {
    const reply = await bury(scene.storage);
    await scene.reopen();
    const { storage } = scene;
    const ids = async (query: Partial<Parameters<Storage["deadLetters"]>[0]>) =>
      (await storage.deadLetters({ limit: 10, ...query })).map(({ id }) => id);
    expect(await ids({})).toEqual(["d4", "d3", "d2", "d1"]);
    expect(await ids({ limit: 2 })).toEqual(["d4", "d3"]);
    expect(await ids({ limit: 2, before: "d3" })).toEqual(["d2", "d1"]);
    expect(await ids({ reason: "skill_failed" })).toEqual(["d3", "d1"]);
    expect(await ids({ channel: "elsewhere" })).toEqual([]);
    expect(await storage.deadLetter("d4")).toEqual({
      letter: {
        id: "d4",
        kind: "reply",
        channel: "test",
        account: "default",
        conversation: conversationKey(reply),
        attempts: 4,
        reason: "rejected",
        detail: "no",
        at: 400,
      },
      content: reply,
    });
    expect(await storage.deadLetter("d2")).toMatchObject({ letter: { kind: "message", reason: "poison" }, content: { text: "dead 2" } });
    expect(await storage.deadLetter("nobody")).toBeNull();
    expect(await storage.counts()).toEqual({ inbox: 0, outbox: 0, deadLetters: 4, oldest: null });
  });

  scenario("a replayed message is unfinished again at its old place, with no attempts counted", async (scene) => {
    await bury(scene.storage);
    const later = textMessage("later");
    await scene.storage.accept(later);
    const conversation = conversationKey(later);
    expect(await scene.storage.replay("d2")).toBe(conversation);
    expect(await scene.storage.replay("d2")).toBeNull();
    expect(await scene.storage.replay(later.id)).toBeNull();
    const check = async () => {
      const pending = await scene.storage.pendingMessages(conversation, 10);
      expect(pending.map(({ message, attempts, notBefore }) => [message.text, attempts, notBefore])).toEqual([
        ["dead 2", 0, 0],
        ["later", 0, 0],
      ]);
      expect(await scene.storage.counts()).toMatchObject({ inbox: 2, deadLetters: 3 });
      expect(await scene.storage.deadLetter("d2")).toBeNull();
    };
    await check();
    await scene.reopen();
    await check();
    await scene.storage.finishMessage("d2", end());
    expect(await scene.storage.trace("d2")).toMatchObject({ state: "done", outcome: "replied" });
  });

  scenario("a replayed reply is undelivered again at its old place, with no attempts counted", async (scene) => {
    const reply = await bury(scene.storage);
    await scene.storage.addReplies([answer(textMessage("question"), "later")]);
    expect(await scene.storage.replay("d4")).toBe(conversationKey(reply));
    const check = async () => {
      const pending = await scene.storage.pendingReplies(conversationKey(reply), 10);
      expect(pending.map(({ reply, attempts }) => [reply.text, attempts])).toEqual([
        ["dead 4", 0],
        ["later", 0],
      ]);
    };
    await check();
    await scene.reopen();
    await check();
  });

  scenario("dead letters are purged by id, reason or age; a purged message is still known", async (scene) => {
    await bury(scene.storage);
    const { storage } = scene;
    expect(await storage.purge({ reason: "skill_failed", before: 300 })).toBe(1);
    expect(await storage.purge({ id: "nobody" })).toBe(0);
    expect(await storage.purge({ id: "d4" })).toBe(1);
    expect((await storage.deadLetters({ limit: 10 })).map(({ id }) => id)).toEqual(["d3", "d2"]);
    expect(await storage.purge({})).toBe(2);
    await scene.reopen();
    expect(await scene.storage.deadLetters({ limit: 10 })).toEqual([]);
    expect(await scene.storage.counts()).toMatchObject({ deadLetters: 0 });
    expect(await scene.storage.replay("d1")).toBeNull();
    expect(await scene.storage.accept(textMessage("again", { platformId: "dead 1" }))).toBe("duplicate");
  });
}
