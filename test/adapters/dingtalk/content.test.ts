import { afterEach, expect, test } from "vitest";
import { RejectedError, UnreachableError } from "../../../src/errors.ts";
import type { Segment } from "../../../src/message.ts";
import { type FakeClock, fakeClock } from "../../../src/testing/fake-clock.ts";
import { attempt, failure, type Pair, replyOf, startPair } from "./host.ts";

let pair: Pair;
let clock: FakeClock;

async function setup(options: Parameters<typeof startPair>[0] = {}): Promise<Pair> {
  clock = fakeClock();
  pair = await startPair({ clock, ...options, section: { mode: "callback", ...options.section } });
  return pair;
}

afterEach(async () => {
  await pair.platform.stop();
  await pair.host.stop();
});

const send = (...about: Parameters<typeof replyOf>) => pair.host.adapter.send(replyOf(...about), attempt());
const fail = (...about: Parameters<typeof replyOf>) => failure(pair.host, replyOf(...about));
const sentRaw = () => pair.platform.sent.map(({ raw }) => raw);

const button = (title: string) => `[${title}](https://example.com/${title})`;
const markdown = (text: string): Segment[] => [{ type: "markdown", text }];

test.each<[string, Segment[], Record<string, unknown>]>([
  ["text", [{ type: "text", text: "你好" }], { msgtype: "text", text: { content: "你好" }, at: { atUserIds: [], isAtAll: false } }],
  [
    "text that mentions",
    [
      { type: "mention", id: "u7" },
      { type: "text", text: "look" },
      { type: "mention", all: true },
    ],
    { msgtype: "text", text: { content: "@u7 look@all " }, at: { atUserIds: ["u7"], isAtAll: true } },
  ],
  [
    "markdown",
    markdown("## **Title** of it\n\nmore"),
    {
      msgtype: "markdown",
      markdown: { title: "Title of it", text: "## **Title** of it\n\nmore" },
      at: { atUserIds: [], isAtAll: false },
    },
  ],
  [
    "an action card with one button",
    markdown(`# Pay\nnow?\n\n---\n${button("yes")}`),
    {
      msgtype: "actionCard",
      actionCard: { title: "Pay", text: "# Pay\nnow?", singleTitle: "yes", singleURL: "https://example.com/yes" },
    },
  ],
  [
    "an action card with two buttons",
    markdown(`Pay?\n\n---\n${button("yes")}\n${button("no")}\n`),
    {
      msgtype: "actionCard",
      actionCard: {
        ...{ title: "Pay?", text: "Pay?", btnOrientation: "0" },
        btns: [
          { title: "yes", actionURL: "https://example.com/yes" },
          { title: "no", actionURL: "https://example.com/no" },
        ],
      },
    },
  ],
])("%s goes through a session as the platform wants it", async (_name, segments, body) => {
  const { platform } = await setup();
  await platform.say({ from: "u1", text: "hi" });
  await send(segments);
  expect(sentRaw()).toEqual([body]);
});

test.each<[string, Segment[], string, Record<string, string>]>([
  ["text", [{ type: "text", text: "你好" }], "sampleText", { content: "你好" }],
  ["markdown", markdown("# A\nb"), "sampleMarkdown", { title: "A", text: "# A\nb" }],
  ["an image by address", [{ type: "image", url: "https://a.example/b.png" }], "sampleImageMsg", { photoURL: "https://a.example/b.png" }],
  ["an image by id", [{ type: "image", ref: "@lAD" }], "sampleImageMsg", { photoURL: "@lAD" }],
  ["an image", [{ type: "image", data: "aGk=" }], "sampleImageMsg", { photoURL: "@simulated-1" }],
  [
    "a file",
    [{ type: "file", data: "aGk=", name: "a.PDF" }],
    "sampleFile",
    { mediaId: "@simulated-1", fileName: "a.PDF", fileType: "pdf" },
  ],
  [
    "an action card",
    markdown(`Pay?\n\n---\n${button("yes")}\n${button("no")}`),
    "sampleActionCard2",
    {
      ...{ title: "Pay?", text: "Pay?", actionTitle1: "yes", actionURL1: "https://example.com/yes" },
      ...{ actionTitle2: "no", actionURL2: "https://example.com/no" },
    },
  ],
  [
    "a card with more buttons than there is a form for",
    markdown(`Pick\n\n---\n${["a", "b", "c", "d", "e", "f"].map(button).join("\n")}`),
    "sampleMarkdown",
    { title: "Pick", text: `Pick\n\n${["a", "b", "c", "d", "e", "f"].map((title) => `- ${button(title)}`).join("\n")}` },
  ],
])("%s goes through the robot API as the platform wants it", async (_name, segments, msgKey, msgParam) => {
  await setup();
  await send(segments, { group: "cidG" });
  const [raw] = sentRaw() as { msgKey: string; msgParam: string }[];
  expect([raw!.msgKey, JSON.parse(raw!.msgParam)]).toEqual([msgKey, msgParam]);
});

test("an image is shown, not linked to, even while there is a session; outside the organisation it is linked to", async () => {
  const { platform } = await setup();
  const image: Segment[] = [{ type: "image", url: "https://a.example/b.png", name: "b" }];
  await platform.say({ from: "u1", text: "hi" });
  expect(await send(image)).toMatchObject({ detail: "robot" });
  await platform.say({ from: "$:guest", text: "hi" });
  expect(await send(image, "$:guest")).toMatchObject({ detail: "session" });
  expect(platform.sent.at(-1)!.text).toBe("![b](https://a.example/b.png)");
  expect(await fail([{ type: "file", data: "aGk=" }], "$:guest")).toBeInstanceOf(RejectedError);
});

test("a file at an address is fetched through the guard and uploaded", async () => {
  const { host, platform } = await setup();
  const file: Segment[] = [{ type: "file", url: "https://a.example/report.pdf", name: "report.pdf" }];
  expect(await fail(file)).toMatchObject({ platformCode: "404" });
  host.fetched = () => ({ status: 503, headers: {}, body: Buffer.alloc(0) });
  expect(await fail(file)).toBeInstanceOf(UnreachableError);
  host.fetched = () => ({ status: 200, headers: {}, body: Buffer.from("%PDF") });
  await send(file);
  expect(platform.sent).toMatchObject([{ text: "@simulated-1" }]);
  platform.server.api.expireToken();
  await send(file);
  expect(platform.calls["/media/upload"]).toBe(3);
});

test("nothing is rejected without a call", async () => {
  const { platform } = await setup();
  expect(await fail([])).toBeInstanceOf(RejectedError);
  expect(platform.calls).toEqual({});
});
