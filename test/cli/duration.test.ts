import { describe, expect, test } from "vitest";
import { durationOf, parseTime, showDuration, showTime } from "../../src/cli/duration.ts";

const NOW = Date.parse("2026-03-02T09:15:00Z");

describe("a point in time", () => {
  test("is how long ago, with or without the minus", () => {
    expect(parseTime("-2h", NOW)).toBe(NOW - 7_200_000);
    expect(parseTime("90s", NOW)).toBe(NOW - 90_000);
  });

  test("is RFC 3339, with its zone", () => {
    expect(parseTime("2026-03-02T09:15:01.123Z", NOW)).toBe(NOW + 1123);
    expect(parseTime("2026-03-02T17:15:00+08:00", NOW)).toBe(NOW);
  });

  test("is local where no zone is given: what the log shows can be given back", () => {
    expect(parseTime(showTime(NOW + 123), NOW)).toBe(NOW + 123);
    expect(parseTime("2026-03-02", NOW)).toBe(new Date(2026, 2, 2).getTime());
  });

  test.each(["yesterday", "2026-13-40", "02/03/2026", "-2x", ""])("is not %j", (text) => {
    expect(() => parseTime(text, NOW)).toThrow(expect.objectContaining({ code: "CLAWDBOT_ERR_INVALID" }));
  });
});

test("a duration without a unit is refused", () => {
  expect(durationOf("500ms")).toBe(500);
  expect(() => durationOf("15")).toThrow(expect.objectContaining({ code: "CLAWDBOT_ERR_INVALID" }));
});

test.each([
  [0, "0s"],
  [999, "0s"],
  [61_000, "1m 1s"],
  [7_200_000, "2h"],
  [3 * 86_400_000 + 4 * 3_600_000 + 59_000, "3d 4h"],
])("%d ms is shown as %s", (ms, text) => {
  expect(showDuration(ms)).toBe(text);
});
