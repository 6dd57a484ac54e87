import { afterEach, expect, test } from "vitest";
import simulation, { createDingtalkSimulator, type DingtalkSimulator } from "../../../adapters/dingtalk/simulator.ts";
import type { Skill } from "../../../src/skill.ts";
import { type TestGateway, testGateway } from "../../../src/testing/test-gateway.ts";
import { until } from "../../../src/testing/until.ts";

let platform: DingtalkSimulator;
let daemon: TestGateway;

async function setup(skills: Skill[] = []): Promise<void> {
  platform = createDingtalkSimulator({ config: simulation.config("http://127.0.0.1:1"), daemonUrl: "", retries: 3, retryDelayMs: 100 });
  await platform.start();
  const config = { websocket: { enabled: false }, dingtalk: simulation.config(platform.apiBase) };
  daemon = await testGateway({ config, skills });
}

afterEach(async () => {
  await platform.stop();
  await daemon.stop();
});

test("a message whose acknowledgement was lost is pushed again and answered once", async () => {
  await setup();
  platform.gateway.loseAnswers(2);
  expect(await platform.say({ from: "u1", text: "/echo once" })).toMatchObject({ answers: ["no answer", "no answer", 200], acked: true });
  await platform.say({ from: "u1", text: "/echo end" });
  await platform.waitForSent(2);
  expect(platform.sent.map(({ text }) => text)).toEqual(["once", "end"]);
  const traces = await daemon.gateway.storage.traces({ limit: 10 });
  expect(traces.map(({ duplicates }) => duplicates)).toEqual([0, 2]);
});

test("a mention in a group is answered in the group, by its session", async () => {
  await setup();
  await platform.say({ from: "u1", group: "cidG==", text: "/echo to all" });
  await platform.waitForSent(1);
  expect(platform.sent).toMatchObject([{ conversation: "cidG==", text: "to all" }]);
  expect(platform.calls["/v1.0/oauth2/accessToken"]).toBeUndefined();
});

const thinker: Skill = {
  ...{ name: "think", version: "1.0.0", description: "thinks aloud" },
  async handleMessage(_message, context) {
    context.preview("half a thou");
    await until("it to be shown", () => [...platform.server.api.cards.values()].some(({ shown }) => shown.length > 0));
    return "the whole thought";
  },
};

test("what a skill says while it thinks becomes its reply, in one card", async () => {
  await setup([thinker]);
  await platform.say({ from: "u1", text: "/think" });
  await platform.waitForSent(1);
  await until("the card's end", () => [...platform.server.api.cards.values()][0]!.flowStatus === "3");
  expect(platform.sent).toMatchObject([{ conversation: "u1", text: "the whole thought" }]);
  expect([...platform.server.api.cards.values()]).toMatchObject([{ shown: ["half a thou", "the whole thought"], finalised: true }]);
});

test("no secret and no text of a user is in the log", async () => {
  await setup();
  await platform.say({ from: "u1", text: "/echo my-private-text" });
  await platform.waitForSent(1);
  platform.endSessions();
  platform.fault({ kind: "server-error", times: 1 });
  await platform.say({ from: "u1", text: "/echo my-private-text" });
  await platform.waitForSent(2);
  const log = daemon.lines.join("\n");
  expect(log).not.toMatch(/simulated-app-secret|simulated-token|session=|ticket=|my-private-text/);
});
