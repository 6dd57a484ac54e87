import { afterEach, expect, test } from "vitest";
import simulation, { createQqSimulator, type QqSimulator } from "../../../adapters/qq/simulator.ts";
import { defineSkill } from "../../../src/skill.ts";
import { type TestGateway, testGateway } from "../../../src/testing/test-gateway.ts";
import { until } from "../../../src/testing/until.ts";

let platform: QqSimulator;
let daemon: TestGateway;

/** Says each line of "talk" on its way, and the last as its answer. */
const talker = defineSkill({
  name: "talk",
  version: "1.0.0",
  description: "Says much",
  triggers: [],
  handleMessage(message, context) {
    const lines = message.text.split(" ");
    for (const line of lines.slice(0, -1)) context.reply(line);
    return lines.at(-1)!;
  },
});

async function setup(section: Record<string, unknown> = {}): Promise<void> {
  platform = createQqSimulator({ config: simulation.config("http://127.0.0.1:1"), daemonUrl: "", retries: 3, retryDelayMs: 20 });
  await platform.start();
  const qq = { ...simulation.config(platform.apiBase), ...section };
  daemon = await testGateway({ config: { websocket: { enabled: false }, qq }, skills: [talker] });
}

afterEach(async () => {
  await platform.stop();
  await daemon.stop();
});

test("a skill may say more than the platform takes replies: all of it arrives, the final text by itself", async () => {
  await setup();
  await platform.say({ from: "u1", text: "/talk 1 2 3 4 5 6" });
  await platform.waitForSent(2);
  expect(platform.sent.map(({ text }) => text)).toEqual(["1\n\n2\n\n3\n\n4\n\n5", "6"]);
  await platform.say({ from: "u1", text: "/talk 1 2 3 4" });
  await platform.waitForSent(6);
  expect(platform.sent.slice(2).map(({ raw }) => (raw as { msg_seq: number }).msg_seq)).toEqual([1, 2, 3, 4]);
});

test("a reply that comes too late is a dead letter that says why in plain words", async () => {
  await setup({ reply_windows: { direct: { window: 1000 } } });
  await platform.say({ from: "u1", text: "/talk late" });
  const [letter] = await until("the dead letter", async () => {
    const letters = await daemon.gateway.storage.deadLetters({ limit: 1 });
    return letters.length > 0 ? letters : undefined;
  });
  expect(letter).toMatchObject({ kind: "reply", channel: "qq", reason: "rejected" });
  expect(letter!.detail).toContain("this one came after that");
  expect(platform.sent).toEqual([]);
});

test("the ledger is in the store: after a restart the next reply to the same message has the next number", async () => {
  await setup();
  const { id } = await platform.say({ from: "u1", text: "/talk 1 2" });
  await platform.waitForSent(2);
  await until("both to be noted", async () => (await daemon.gateway.storage.counts()).outbox === 0);
  await daemon.restart();
  const about = { channel: "qq", account: "default", conversation: { id: "u1", type: "direct" as const } };
  await daemon.gateway.pipeline.send({ ...about, replyTo: id, askedAt: Date.now(), segments: [{ type: "text", text: "3" }] });
  await platform.waitForSent(3);
  expect(platform.sent.map(({ raw }) => (raw as { msg_seq: number }).msg_seq)).toEqual([1, 2, 3]);
});
