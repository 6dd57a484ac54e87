import { afterEach, describe, expect, test } from "vitest";
import simulation, { createTelegramSimulator, type TelegramSimulator } from "../../../adapters/telegram/simulator.ts";
import { defineSkill } from "../../../src/skill.ts";
import { type TestGateway, testGateway } from "../../../src/testing/test-gateway.ts";
import { until } from "../../../src/testing/until.ts";

let daemon: TestGateway;
let platform: TelegramSimulator;

async function setup(section: Record<string, unknown> = {}): Promise<void> {
  const settings = simulation.config("http://127.0.0.1:1");
  platform = createTelegramSimulator({ config: settings, daemonUrl: "" });
  await platform.start();
  daemon = await testGateway({
    config: {
      websocket: { enabled: false },
      performance: { io_timeout: "300ms" },
      telegram: { ...simulation.config(platform.apiBase), ...section },
    },
    skills: [story],
  });
}

afterEach(async () => {
  await platform.stop();
  await daemon.stop();
});

/** Says what it has so far, waits for the user to see it, and ends with more than one message holds. */
const story = defineSkill({
  name: "story",
  version: "1.0.0",
  description: "Tells a story",
  triggers: [],
  async handleMessage(_message, context) {
    context.preview("Once");
    await until("the preview", () => platform.sent.some(({ text }) => text === "Once"));
    return `Once ${"upon a time ".repeat(400)}the end.`;
  },
});

describe("the whole daemon", () => {
  test("streams a long answer: the preview becomes its first part, nothing of it is lost or twice", async () => {
    await setup();
    await platform.say({ from: "42", text: "/story" });
    await platform.waitForSent(2);
    await until("the end", async () => (await daemon.gateway.storage.counts()).outbox === 0);
    expect(platform.sent.map(({ text }) => text).join("")).toBe(`Once ${"upon a time ".repeat(400)}the end.`);
    expect(platform.calls).toMatchObject({ sendMessage: 2, editMessageText: 1 });
  });

  test("answers a mention in a group, in its topic, and stays silent where it is not meant", async () => {
    await setup();
    const message = {
      message_id: platform.nextId(),
      date: 1,
      chat: { id: -100, type: "supergroup" as const, title: "G" },
      from: { id: 42, is_bot: false, first_name: "Li" },
      message_thread_id: 5,
      is_topic_message: true,
    };
    const text = "@simulated_BOT echo hi";
    await platform.say({ from: "42", group: "-100", text: "echo to nobody" });
    await platform.happen({ message: { ...message, text, entities: [{ type: "mention", offset: 0, length: 14 }] } });
    const [sent] = await platform.waitForSent(1);
    expect(sent).toMatchObject({ conversation: "-100", text: "hi" });
    expect(sent!.raw).toMatchObject({ message_thread_id: 5, reply_parameters: { message_id: message.message_id } });
    expect(platform.sent).toHaveLength(1);
  });

  test("an unknown outcome ends as a dead letter that says so, and is delivered when an operator replays it", async () => {
    await setup();
    platform.fault({ kind: "reset", code: "before", times: 1 });
    await platform.say({ from: "42", text: "/echo perhaps" });
    const [letter] = await until("the dead letter", async () => {
      const letters = await daemon.gateway.storage.deadLetters({ limit: 1 });
      return letters.length > 0 ? letters : undefined;
    });
    expect(letter).toMatchObject({ kind: "reply", detail: expect.stringContaining("unknown outcome, not sent again") });
    expect(platform.sent).toEqual([]);
    expect(await daemon.gateway.pipeline.replay(letter!.id)).toBe(true);
    expect((await platform.waitForSent(1))[0]!.text).toBe("perhaps");
  });

  test("with on_unknown: resend it is delivered at least once, and twice when it had arrived", async () => {
    await setup({ on_unknown: "resend" });
    platform.fault({ kind: "timeout-after-success", times: 1 });
    await platform.say({ from: "42", text: "/echo surely" });
    expect((await platform.waitForSent(2)).map(({ text }) => text)).toEqual(["surely", "surely"]);
  });

  test("a group that moves meanwhile gets its answer at its new id", async () => {
    await setup();
    platform.migrate("-5", "-1005");
    await platform.say({ from: "42", group: "-5", text: "/echo moved" });
    expect(await platform.waitForSent(1)).toMatchObject([{ conversation: "-1005", text: "moved" }]);
  });

  test("the token is in no line of the log", async () => {
    await setup();
    platform.fault({ kind: "server-error", times: 1 });
    await platform.say({ from: "42", text: "/echo hi" });
    await until("a failure", () => daemon.lines.some((line) => line.includes("reply given up")));
    expect(daemon.lines.join("\n")).not.toContain("simulated-bot-token");
  });
});
