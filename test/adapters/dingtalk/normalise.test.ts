import { readdirSync, readFileSync } from "node:fs";
import { describe, expect, test } from "vitest";
import { normalise } from "../../../adapters/dingtalk/normalise.ts";
import { VerifyError } from "../../../src/errors.ts";

const folder = new URL("../../fixtures/dingtalk/messages/", import.meta.url);

function read(name: string): Record<string, unknown> {
  return JSON.parse(readFileSync(new URL(`${name}.json`, folder), "utf8")) as Record<string, unknown>;
}

const message = (name: string) => normalise(read(name), "default").message;

describe("what people write", () => {
  test("a text in a group, addressed to the robot", () => {
    const { message, session } = normalise(read("group-text"), "default");
    expect(message).toMatchObject({
      account: "default",
      platformId: "msgGroupText==",
      conversation: { id: "cidGroup==", type: "group", title: "测试群" },
      sender: { id: "16650", name: "用户", isAdmin: true },
      contentType: "text",
      text: "测试数据",
      segments: [
        { type: "mention", id: "$:LWCP_v1:$robot==" },
        { type: "mention", id: "u7" },
        { type: "text", text: "测试数据" },
      ],
      mentionsBot: true,
      sentAt: 1_690_362_101_894,
    });
    expect(session).toEqual({ webhook: "https://oapi.dingtalk.com/robot/sendBySession?session=secret", expiresAt: 1_690_367_502_152 });
    expect(JSON.stringify(message)).not.toContain("sendBySession");
  });

  test("a text in a direct chat is known by its user, one from outside by the encrypted id", () => {
    expect(message("direct-text")).toMatchObject({ conversation: { id: "u1", type: "direct" }, sender: { id: "u1", isAdmin: false } });
    expect(message("external-text")).toMatchObject({ conversation: { id: "$:LWCP_v1:$guest" }, sender: { id: "$:LWCP_v1:$guest" } });
  });

  test("an answer names the message that it answers", () => {
    expect(message("quote")).toMatchObject({ replyTo: "msgQuoted==", segments: [{ type: "quote", id: "msgQuoted==" }, { type: "text" }] });
  });

  test.each([
    ["picture", { contentType: "image", text: "", segments: [{ type: "image", ref: "code-of-picture" }] }],
    ["audio", { contentType: "voice", text: "你好", segments: [{ type: "voice", ref: "code-of-audio" }] }],
    ["video", { contentType: "video", text: "", segments: [{ type: "video", ref: "code-of-video" }] }],
    ["file", { contentType: "file", text: "", segments: [{ type: "file", ref: "code-of-file", name: "report.pdf" }] }],
    ["unknown", { contentType: "event", text: "", segments: [] }],
    [
      "rich-text",
      {
        contentType: "mixed",
        text: "look at this",
        segments: [
          { type: "text", text: "look at " },
          { type: "image", ref: "code-1" },
          { type: "text", text: "this" },
        ],
      },
    ],
  ])("%s", (name, expected) => {
    expect(message(name)).toMatchObject(expected);
  });

  test("every fixture is taken", () => {
    for (const name of readdirSync(folder)) expect(() => message(name.replace(".json", ""))).not.toThrow();
  });
});

describe("what is no robot message", () => {
  test.each(["msgId", "msgtype", "conversationType", "createAt"])("one without %s is refused", (name) => {
    const { [name]: _left, ...rest } = read("direct-text");
    expect(() => normalise(rest, "default")).toThrow(VerifyError);
  });

  test.each([
    null,
    [],
    "text",
    7,
    { ...read("direct-text"), msgId: 7 },
    { ...read("direct-text"), text: { content: {} } },
    { ...read("direct-text"), createAt: "soon" },
    { ...read("rich-text"), content: { richText: {} } },
    { ...read("picture"), content: null },
  ])("%j is refused", (data) => {
    expect(() => normalise(data, "default")).toThrow(VerifyError);
  });

  test("a group message that is not addressed to the robot says so", () => {
    expect(normalise({ ...read("group-text"), isInAtList: false }, "default").message.mentionsBot).toBe(false);
  });
});
