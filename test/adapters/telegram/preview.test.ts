import { afterEach, describe, expect, test } from "vitest";
import { RateLimitError, UnreachableError } from "../../../src/errors.ts";
import { fakeClock } from "../../../src/testing/fake-clock.ts";
import { until } from "../../../src/testing/until.ts";
import { attempt, messageOf, type Pair, replyOf, startPair } from "./host.ts";

let pair: Pair;
let clock: ReturnType<typeof fakeClock>;

async function setup(options: Parameters<typeof startPair>[0] = {}): Promise<void> {
  clock = fakeClock(Date.now());
  pair = await startPair({ clock, ...options });
}

afterEach(async () => {
  await pair.platform.stop();
  await pair.host.stop();
});

const shown = () => pair.platform.sent.map(({ text }) => text);
const edits = () => pair.platform.calls.editMessageText ?? 0;
const send = (text: string, message = "m1", id = `${message}-reply`) =>
  pair.host.adapter.send(replyOf(text, "42", { messageId: message, id }), attempt());

/** Shows text and waits until the user sees it. */
async function preview(text: string, message = messageOf("m1")): Promise<void> {
  pair.host.adapter.preview!(message, text);
  await until(text, async () => {
    await clock.advance(100);
    return shown().includes(text);
  });
}

test("one message grows, and the reply takes its place", async () => {
  await setup();
  await preview("Once");
  await preview("Once upon");
  await send("Once upon a time.");
  expect(shown()).toEqual(["Once upon a time."]);
  expect(pair.platform.calls).toMatchObject({ sendMessage: 1, editMessageText: 2 });
});

test.each([
  ["direct chats", "direct", 1500],
  ["groups", "group", 3000],
] as const)(
  "edits in %s are at least the platform's pause apart, however fast the text grows, and show the newest",
  async (_name, type, pause) => {
    await setup();
    const message = messageOf("m1", { id: type === "direct" ? "42" : "-100", type });
    const at: number[] = [];
    const start = clock.monotonic();
    let known = 0;
    for (let n = 1; clock.monotonic() - start < 9000; n++) {
      pair.host.adapter.preview!(message, `text of ${n} words`);
      await clock.advance(100);
      await until("calls under way to end", () => pair.platform.sent.length > 0);
      if (edits() > known) at.push(clock.monotonic());
      known = edits();
    }
    expect(at.length).toBeGreaterThanOrEqual(2);
    for (const [index, time] of at.slice(1).entries()) expect(time - at[index]!).toBeGreaterThanOrEqual(pause - 100);
    expect(edits()).toBeLessThanOrEqual(9000 / pause);
  },
);

test("429 while streaming stops the edits, and the final text is delivered when the wait is over", async () => {
  await setup();
  await preview("Once");
  pair.platform.fault({ kind: "rate-limit", ms: 126_000, times: 1 });
  pair.host.adapter.preview!(messageOf("m1"), "Once upon");
  await until("the refusal", async () => {
    await clock.advance(500);
    return edits() === 1;
  });
  pair.host.adapter.preview!(messageOf("m1"), "Once upon a");
  await until("the wait to be noted", async () => {
    pair.host.adapter.preview!(messageOf("m1"), `Once upon a${".".repeat(edits())}`);
    await clock.advance(1000);
    return pair.host.logged.some(({ message }) => message === "preview not shown");
  });
  await clock.advance(30_000);
  expect(edits()).toBe(1);
  const error = await send("Once upon a time.").catch((thrown: unknown) => thrown);
  expect(error).toBeInstanceOf(RateLimitError);
  await clock.advance((error as RateLimitError).retryAfterMs);
  await send("Once upon a time.");
  expect(shown()).toEqual(["Once upon a time."]);
});

test("of a reply in several parts the first takes the preview's place, the others follow", async () => {
  await setup();
  await preview("part");
  const first = replyOf("part one", "42", { messageId: "m1", id: "r1" });
  pair.host.adapter.delivered!(first, await pair.host.adapter.send(first, attempt()));
  await send("part two", "m1", "r2");
  expect(shown()).toEqual(["part one", "part two"]);
});

test("what a skill shows after its end is not shown, neither before nor after the reply is noted as sent", async () => {
  await setup();
  await preview("half");
  const reply = replyOf("whole", "42", { messageId: "m1" });
  const result = await pair.host.adapter.send(reply, attempt());
  pair.host.adapter.preview!(messageOf("m1"), "late");
  await clock.advance(5000);
  pair.host.adapter.delivered!(reply, result);
  pair.host.adapter.preview!(messageOf("m1"), "later");
  await clock.advance(5000);
  // What was sent meanwhile would be there before the answers of these.
  for (let n = 0; n < 10; n++) await fetch(`${pair.platform.apiBase}/bot/getMe`);
  expect(shown()).toEqual(["whole"]);
  expect(pair.platform.calls).toMatchObject({ sendMessage: 1, editMessageText: 1 });
});

describe("a crash", () => {
  /** The next start knows nothing but what is in the store. */
  async function restart(): Promise<void> {
    await pair.host.adapter.stop();
    await pair.host.adapter.start();
  }

  test("between preview and reply leaves no half text behind", async () => {
    await setup();
    await preview("half");
    await restart();
    await send("whole");
    expect(shown()).toEqual(["whole"]);
  });

  test("after the reply was shown and before that was noted shows it once", async () => {
    await setup();
    await preview("half");
    await send("whole");
    await restart();
    expect(await send("whole")).toMatchObject({ detail: "edited" });
    expect(shown()).toEqual(["whole"]);
  });

  test("after the first part was noted never lets the second part overwrite it", async () => {
    await setup();
    await preview("half");
    await send("part one", "m1", "r1");
    await restart();
    await send("part two", "m1", "r2");
    expect(shown()).toEqual(["part one", "part two"]);
  });
});

test("a preview that is gone makes the reply a message of its own", async () => {
  await setup();
  await preview("half");
  pair.platform.fault({ kind: "error", code: "400 Bad Request: message to edit not found", times: 1 });
  await expect(send("whole")).rejects.toBeInstanceOf(UnreachableError);
  await send("whole");
  expect(shown()).toEqual(["half", "whole"]);
});

test("an edit whose outcome nobody knows is done again, since that shows nothing twice", async () => {
  await setup();
  await preview("half");
  pair.platform.fault({ kind: "reset", times: 1 });
  await expect(send("whole")).rejects.toMatchObject({ code: "CLAWDBOT_ERR_PLATFORM", retryable: true });
  await send("whole");
  expect(shown()).toEqual(["whole"]);
});

test("the reply waits for the edit that is under way, so that it is not overwritten by it", async () => {
  await setup();
  await preview("half");
  pair.platform.fault({ kind: "slow", ms: 5000, times: 1 });
  pair.host.adapter.preview!(messageOf("m1"), "half and more");
  await clock.advance(1500);
  await until("the slow edit", () => edits() === 1);
  const sending = send("whole");
  // What was sent meanwhile would be there before the answers of these.
  for (let n = 0; n < 10; n++) await fetch(`${pair.platform.apiBase}/bot/getMe`);
  expect(edits()).toBe(1);
  await clock.advance(5000);
  await sending;
  expect(edits()).toBe(2);
  expect(shown()).toEqual(["whole"]);
});

test("a preview never throws, shows at most what a message holds, and nothing of a failed first call", async () => {
  await setup();
  pair.host.adapter.preview!(messageOf("m0"), "   ");
  pair.platform.fault({ kind: "server-error", code: "before", times: 1 });
  pair.host.adapter.preview!(messageOf("m1"), "lost");
  await until("the call", async () => {
    await clock.advance(100);
    return pair.platform.calls.sendMessage === 1;
  });
  await send("whole");
  expect(shown()).toEqual(["whole"]);
  pair.host.adapter.preview!(messageOf("m2"), "👍".repeat(5000));
  await until("the long one", async () => {
    await clock.advance(100);
    return shown().length === 2;
  });
  expect(shown()[1]).toBe(`${"👍".repeat(4095)}…`);
});

test("replies without a preview cost no further call", async () => {
  await setup();
  await send("plain");
  expect(pair.platform.calls).toMatchObject({ sendMessage: 1 });
  expect(edits()).toBe(0);
});
