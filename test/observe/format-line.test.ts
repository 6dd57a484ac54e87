import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { createLineFormat, escapeWord, logLevels } from "../../src/observe/format-line.ts";
import { parseLine } from "../../src/observe/parse-line.ts";

const format = createLineFormat((text) => text);
const noon = new Date(2026, 2, 2, 9, 15, 1, 123).getTime();

describe("a log line", () => {
  test("is date, time, level, component, message and pairs, the most telling pair last", () => {
    const line = format(noon, "error", "channel.x", "signature rejected", { skew: "+1843s", code: 310000, trace: "7f3a" });
    expect(line).toBe("2026-03-02 09:15:01.123 ERROR channel.x signature rejected code=310000 trace=7f3a skew=+1843s");
  });

  test("ends with the code when there is no skew, and with the trace when there is neither", () => {
    expect(format(noon, "warn", "a", "m", { code: "x", n: 1, trace: "t" })).toMatch(/ m n=1 trace=t code=x$/);
    expect(format(noon, "warn", "a", "m", { trace: "t", n: 1, skipped: undefined })).toMatch(/ m n=1 trace=t$/);
  });

  test("follows the clock over seconds, minutes and days", () => {
    const next = [0, 1, 877, 59_000, 86_400_000].map((ms) => format(noon + ms, "info", "a", "m").slice(0, 23));
    expect(next).toEqual([
      "2026-03-02 09:15:01.123",
      "2026-03-02 09:15:01.124",
      "2026-03-02 09:15:02.000",
      "2026-03-02 09:16:00.123",
      "2026-03-03 09:15:01.123",
    ]);
  });

  test("cannot be forged or made invisible: line ends, escapes, bidi controls and NUL are spelt out", () => {
    const line = format(noon, "info", "a", "one\n2026-03-02 two", { name: "\u001b[31mred\u202e\0\r\n", quote: 'say "a b"' });
    expect(line).toBe(
      `2026-03-02 09:15:01.123 INFO a one\\n2026-03-02 two name=\\u{1b}[31mred\\u{202e}\\u{0}\\r\\n quote=say\\s\\"a\\sb\\"`,
    );
  });

  test("cuts a long text, also between the halves of a character", () => {
    const { fields } = parseLine(format(noon, "info", "a", "m", { text: `${"x".repeat(1999)}😀` }))!;
    expect(fields.text).toBe(`${"x".repeat(1999)}\ud83d…`);
  });

  test("reads back as it was written, whatever it says", () => {
    const text = fc.oneof(
      fc.string({ unit: "binary", maxLength: 40 }),
      fc.string(),
      fc.constantFrom(" ", "a  b", " a", "a=b", "\\", "\ud83d"),
    );
    const value = fc.oneof(text, fc.double(), fc.integer(), fc.boolean());
    const key = fc.oneof(fc.constantFrom("skew", "code", "trace", "ms", "__proto__"), text);
    const time = fc.integer({ min: new Date(2000, 5, 1).getTime(), max: new Date(2040, 5, 1).getTime() });
    fc.assert(
      fc.property(
        // Days in the middle of January: no hour of them happens twice, wherever this runs.
        time
          .map((ms) => new Date(ms))
          .map((at) => new Date(at.getFullYear(), 0, 15, at.getHours(), at.getMinutes(), 7, at.getMilliseconds())),
        fc.constantFrom(...logLevels),
        text.filter((name) => name !== ""),
        text,
        fc.array(fc.tuple(key, value), { maxLength: 6 }),
        (at, level, component, message, pairs) => {
          const fields = Object.fromEntries(pairs);
          const line = format(at.getTime(), level, escapeWord(component), message, fields);
          expect(line).not.toMatch(/[\p{Cc}\p{Cf}\p{Zl}\p{Zp}]| {2}| $/u);
          const record = parseLine(line);
          expect(record).toMatchObject({ time: at.getTime(), level, component, message });
          expect(new Map(Object.entries(record!.fields))).toEqual(
            new Map(Object.entries(fields).map(([name, what]) => [name, String(what)])),
          );
        },
      ),
      { numRuns: 2000 },
    );
  });
});

describe("reading back", () => {
  test("refuses what is no record", () => {
    for (const text of [
      "",
      "garbage",
      "2026-03-02 09:15:01.123",
      "2026-03-02 09:15:01.123 LOUD a m",
      "2026-03-02 09:15:01.123 INFO a x=1 y",
    ]) {
      expect(parseLine(text)).toBeNull();
    }
  });

  test("bears escapes that nobody wrote", () => {
    expect(parseLine("2026-03-02 09:15:01.123 INFO a \\u{ffffff} \\q \\")?.message).toBe("u{ffffff} q \\");
  });
});
