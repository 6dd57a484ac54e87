import { expect, test } from "vitest";
import { createPaint } from "../../src/cli/colour.ts";
import { showTime } from "../../src/cli/duration.ts";
import { traceText } from "../../src/cli/trace.ts";
import type { Trace } from "../../src/storage/storage.ts";

const AT = Date.parse("2026-03-02T09:15:01.123Z");
const plain = createPaint(false);

const trace: Trace = {
  id: "m1",
  channel: "somewhere",
  account: "default",
  platformId: "p1",
  conversation: "somewhere:default:u1",
  sender: "u1",
  receivedAt: AT,
  duplicates: 2,
  state: "done",
  outcome: "replied",
  reason: "answered",
  detail: null,
  skill: "echo",
  attempts: 1,
  steps: [
    { step: "accept", at: 0, ms: 0.82 },
    { step: "guard", at: 1.2, ms: 0.04 },
    { step: "route", at: 1.24, ms: 0.1, note: "command:echo" },
    { step: "run", at: 1.34, ms: 0.21, note: "echo" },
    { step: "finish", at: 1.55, ms: 0.45 },
  ],
  replies: [{ id: "m1-1", state: "sent", attempts: 1, at: AT + 14, reason: null, detail: null, platformId: "77" }],
};

test("a trace is a head line, a line per step with its milliseconds, its deliveries and what was suppressed", () => {
  expect(traceText(trace, plain).split("\n")).toEqual([
    `${showTime(AT)}  m1  somewhere/default  u1  somewhere:default:u1  replied  answered  14 ms`,
    "         +0  accept 0.8 ms",
    "       +1.2  guard 0 ms",
    "       +1.2  route command:echo 0.1 ms",
    "       +1.3  run echo 0.2 ms",
    "       +1.6  finish 0.5 ms",
    "         +2  deliver sent 12 ms 77",
    "             duplicate suppressed ×2",
  ]);
});

test("a message that nobody has handled yet is pending", () => {
  const waiting: Trace = { ...trace, state: "pending", outcome: null, reason: null, steps: [], replies: [], duplicates: 0 };
  expect(traceText(waiting, plain)).toBe(`${showTime(AT)}  m1  somewhere/default  u1  somewhere:default:u1  pending  -  0 ms`);
});

test("a reply that was given up says why, and one that waits says so", () => {
  const replies: Trace["replies"] = [
    { id: "m1-1", state: "dead", attempts: 3, at: AT + 5002, reason: "rejected", detail: "code 40013", platformId: null },
    { id: "m1-2", state: "pending", attempts: 0, at: null, reason: null, detail: null, platformId: null },
  ];
  const lines = traceText({ ...trace, replies, duplicates: 0 }, plain).split("\n");
  expect(lines.at(-2)).toBe("         +2  deliver dead 5000 ms rejected code 40013 attempts 3");
  expect(lines.at(-1)).toBe("      +5002  deliver pending");
});
