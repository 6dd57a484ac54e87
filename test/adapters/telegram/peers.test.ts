import { Bot } from "grammy";
import { Telegraf } from "telegraf";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import simulation, { createTelegramSimulator, type TelegramSimulator } from "../../../adapters/telegram/simulator.ts";
import { until } from "../../../src/testing/until.ts";

/** Programs that nobody here wrote, built against the real Bot API, behave against the simulated one: so the simulator is right. */

const { token } = simulation.config("") as { token: string };
let platform: TelegramSimulator;

beforeEach(async () => {
  platform = createTelegramSimulator({ config: { token }, daemonUrl: "", retries: 50 });
  await platform.start();
});

afterEach(async () => {
  await platform.stop();
});

interface Peer {
  start(): Promise<void>;
  stop(): Promise<void>;
  /** Errors with which polling ended. */
  ended: unknown[];
}

function telegrafPeer(): Peer {
  const bot = new Telegraf(token, { telegram: { apiRoot: platform.apiBase } });
  const peer: Peer = {
    ended: [],
    start: () =>
      new Promise((resolve) => {
        bot.launch(() => resolve()).catch((error: unknown) => peer.ended.push(error));
      }),
    stop: async () => {
      // Throws when polling has ended already.
      if (peer.ended.length === 0) bot.stop();
    },
  };
  bot.command("file", (ctx) =>
    ctx.replyWithDocument({ source: Buffer.from("bytes of telegraf"), filename: "a.txt" }, { caption: "a file" }),
  );
  bot.command("edit", async (ctx) => {
    const sent = await ctx.reply("before");
    await ctx.telegram.editMessageText(ctx.chat.id, sent.message_id, undefined, "after");
    await ctx.telegram.editMessageText(ctx.chat.id, sent.message_id, undefined, "after").catch((error: Error) => ctx.reply(error.message));
  });
  bot.on("callback_query", async (ctx) => {
    await ctx.answerCbQuery();
    await ctx.reply(`pressed ${"data" in ctx.callbackQuery ? ctx.callbackQuery.data : ""}`);
  });
  bot.on("text", (ctx) => ctx.reply(`heard ${ctx.message.text}`, { reply_parameters: { message_id: ctx.message.message_id } }));
  return peer;
}

function grammyPeer(): Peer {
  const bot = new Bot(token, { client: { apiRoot: platform.apiBase } });
  const peer: Peer = {
    ended: [],
    start: () =>
      new Promise((resolve) => {
        bot.start({ onStart: () => resolve() }).catch((error: unknown) => peer.ended.push(error));
      }),
    stop: () => bot.stop(),
  };
  bot.command("file", async (ctx) => {
    const { InputFile } = await import("grammy");
    await ctx.replyWithDocument(new InputFile(Buffer.from("bytes of grammy"), "a.txt"), {
      caption: "a file",
      reply_parameters: { message_id: ctx.msg.message_id },
    });
  });
  bot.command("edit", async (ctx) => {
    const sent = await ctx.reply("before");
    await ctx.api.editMessageText(ctx.chat.id, sent.message_id, "after");
    await ctx.api.editMessageText(ctx.chat.id, sent.message_id, "after").catch((error: Error) => ctx.reply(error.message));
  });
  bot.on("callback_query:data", async (ctx) => {
    await ctx.answerCallbackQuery();
    await ctx.reply(`pressed ${ctx.callbackQuery.data}`);
  });
  bot.on("message:text", (ctx) => ctx.reply(`heard ${ctx.msg.text}`, { reply_parameters: { message_id: ctx.msg.message_id } }));
  return peer;
}

describe.each([
  ["telegraf", telegrafPeer],
  ["grammy", grammyPeer],
])("%s polls the simulator", (name, make) => {
  let peer: Peer;

  async function start(): Promise<void> {
    peer = make();
    await peer.start();
  }

  afterEach(async () => {
    await peer.stop();
  });

  test("and answers people and groups, in order, with quotes; what it has is confirmed", async () => {
    const waiting = platform.say({ from: "7", text: "before the start" });
    await start();
    const said = [waiting, platform.say({ from: "7", text: "one" }), platform.say({ from: "8", group: "-100", text: "two" })];
    const sent = await platform.waitForSent(3);
    expect(sent.map(({ conversation, text }) => [conversation, text])).toEqual([
      ["7", "heard before the start"],
      ["7", "heard one"],
      ["-100", "heard two"],
    ]);
    expect(sent[0]!.raw).toMatchObject({ reply_parameters: { message_id: expect.any(Number) } });
    expect(await Promise.all(said)).toMatchObject([{ acked: true }, { acked: true }, { acked: true }]);
    expect(platform.waiting).toBe(0);
    expect(platform.calls).toMatchObject({ getMe: 1, deleteWebhook: 1, sendMessage: 3 });
  });

  test("and uploads a file, edits a message, and is told that nothing changed", async () => {
    await start();
    await platform.say({ from: "7", text: "/file" });
    await platform.say({ from: "7", text: "/edit" });
    const [file, edited, refusal] = await platform.waitForSent(3);
    expect(file).toMatchObject({ text: "a file", raw: { document: { name: "a.txt", data: Buffer.from(`bytes of ${name}`) } } });
    expect(edited!.text).toBe("after");
    expect(refusal!.text).toContain("400: Bad Request: message is not modified");
  });

  test("and sees a button pressed", async () => {
    await start();
    const chat = { id: 7, type: "private" as const, first_name: "u" };
    const from = { id: 7, is_bot: false, first_name: "u" };
    await platform.happen({ callback_query: { id: "1", from, data: "ok:1", message: { message_id: 1, date: 1, chat } } });
    expect((await platform.waitForSent(1))[0]!.text).toBe("pressed ok:1");
    expect(platform.calls.answerCallbackQuery).toBe(1);
  });

  test("and ends on 409 from a second poller, as it does on the real platform", async () => {
    await start();
    await until("the first poll", () => (platform.calls.getUpdates ?? 0) > 0);
    await fetch(`${platform.apiBase}/bot${token}/getUpdates?offset=0`);
    await until("the end", () => peer.ended.length > 0);
    expect(String(peer.ended[0])).toContain("409: Conflict: terminated by other getUpdates request");
  });

  test("and ends on a wrong token", async () => {
    await platform.stop();
    platform = createTelegramSimulator({ config: { token: "1:other" }, daemonUrl: "" });
    await platform.start();
    peer = make();
    void peer.start();
    await until("the end", () => peer.ended.length > 0);
    expect(String(peer.ended[0])).toContain("401: Unauthorized");
  });
});
