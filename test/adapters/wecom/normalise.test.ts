import { readdirSync, readFileSync } from "node:fs";
import { describe, expect, test } from "vitest";
import { normalise } from "../../../adapters/wecom/normalise.ts";
import { scanXml } from "../../../adapters/wecom/scan-xml.ts";
import { VerifyError } from "../../../src/errors.ts";

const folder = new URL("../../fixtures/wecom/", import.meta.url);
const fields = (name: string) => scanXml(readFileSync(new URL(`${name}.xml`, folder), "utf8"));
const message = (name: string) => normalise(fields(name), "default");

describe("messages", () => {
  test("text, with a MsgId that no double can hold", () => {
    const text = "/echo 你好 <b> & ]]";
    expect(message("text")).toEqual({
      account: "default",
      platformId: "9007199254740993001",
      conversation: { id: "zhangsan", type: "direct" },
      sender: { id: "zhangsan" },
      contentType: "text",
      text,
      segments: [{ type: "text", text }],
      mentionsBot: true,
      sentAt: 1_764_000_000_000,
      raw: {
        ToUserName: "ww1234567890abcdef",
        FromUserName: "zhangsan",
        CreateTime: "1764000000",
        MsgType: "text",
        Content: text,
        MsgId: "9007199254740993001",
        AgentID: "1000002",
      },
    });
  });

  test.each([
    ["image", [{ type: "image", ref: "media-1", url: "https://wework.qpic.cn/pic/1" }]],
    ["voice", [{ type: "voice", ref: "media-2" }]],
    ["video", [{ type: "video", ref: "media-3" }]],
    ["file", [{ type: "file", ref: "media-4" }]],
    ["location", [{ type: "location", latitude: 23.134521, longitude: 113.358803, title: "广州塔" }]],
  ])("%s", (name, segments) => {
    expect(message(name)).toMatchObject({ contentType: name, text: "", segments, platformId: "9007199254740993001" });
  });

  test("a link is text that ends with its address", () => {
    const text = "标题\n描述\nhttps://example.com/a?b=1&c=2";
    expect(message("link")).toMatchObject({ contentType: "text", text, segments: [{ type: "text", text }] });
  });

  test("a kind that does not exist yet is an event with everything in raw", () => {
    const invented = { ...fields("text"), MsgType: "hologram" };
    expect(normalise(invented, "default")).toMatchObject({ contentType: "event", text: "", segments: [], raw: invented });
  });
});

describe("events", () => {
  const names = readdirSync(folder).filter((name) => name.startsWith("event-"));

  test("there is a fixture of each", () => expect(names.length).toBe(27));

  test.each(names.map((name) => name.replace(".xml", "")))("%s", (name) => {
    const raw = fields(name);
    const event = normalise(raw, "default");
    expect(event).toMatchObject({ contentType: "event", text: "", segments: [], sentAt: 1_764_000_000_000, raw });
    expect(event.platformId).toMatch(`${raw.FromUserName}:1764000000:${raw.Event}:${raw.EventKey ?? ""}`);
    expect(event.conversation).toEqual({ id: raw.FromUserName, type: "direct" });
  });

  test("two of one second are told apart by key, and by what they change in the address book", () => {
    const click = fields("event-click");
    const change = fields("event-change_contact");
    const ids = [
      click,
      { ...click, EventKey: "MENU_2" },
      change,
      { ...change, UserID: "wangwu" },
      { ...change, ChangeType: "delete_user" },
    ];
    expect(new Set(ids.map((each) => normalise(each, "default").platformId)).size).toBe(5);
  });

  test("what was chosen in a card is a list, also when it is one thing", () => {
    expect(fields("event-template_card_one").SelectedItems).toEqual({
      SelectedItem: [{ QuestionKey: "q1", OptionIds: { OptionId: ["a"] } }],
    });
    expect(fields("event-template_card").SelectedItems).toEqual({
      SelectedItem: [
        { QuestionKey: "q1", OptionIds: { OptionId: ["a", "b"] } },
        { QuestionKey: "q2", OptionIds: { OptionId: ["c"] } },
      ],
    });
  });

  test("a scanned code and pictures keep their nested fields", () => {
    expect(fields("event-scancode_push").ScanCodeInfo).toEqual({ ScanType: "qrcode", ScanResult: "ORDER-1" });
    expect(fields("event-pic_photo_or_album").SendPicsInfo).toEqual({
      Count: "2",
      PicList: { item: [{ PicMd5Sum: "1b5f7c23" }, { PicMd5Sum: "5a75aaca" }] },
    });
  });
});

test.each([
  ["no sender", { FromUserName: "" }],
  ["a sender that is not text", { FromUserName: ["a", "b"] }],
  ["no kind", { MsgType: "" }],
  ["no time", { CreateTime: "soon" }],
  ["text that is not text", { Content: { x: "1" } }],
  ["neither id nor event", { MsgId: "" }],
])("a message with %s is refused", (_name, change) => {
  expect(() => normalise({ ...fields("text"), ...change }, "default")).toThrow(VerifyError);
});

test("media without its id and places without coordinates are refused", () => {
  expect(() => normalise({ ...fields("image"), MediaId: "" }, "default")).toThrow(VerifyError);
  expect(() => normalise({ ...fields("location"), Location_X: "north" }, "default")).toThrow(VerifyError);
});
