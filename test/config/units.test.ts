import { expect, test } from "vitest";
import { closest } from "../../src/config/closest.ts";
import { isPlaceholder } from "../../src/config/secret.ts";
import { parseDuration, parseSize } from "../../src/config/units.ts";

test.each([
  ["90d", 7_776_000_000],
  ["24h", 86_400_000],
  ["15m", 900_000],
  ["15min", 900_000],
  ["60s", 60_000],
  ["500ms", 500],
  ["1.5 S", 1500],
  ["60", undefined],
  ["s", undefined],
  ["-1s", undefined],
  ["1 year", undefined],
  ["1s1s", undefined],
  ["1constructor", undefined],
])("the duration %s", (text, ms) => {
  expect(parseDuration(text)).toBe(ms);
});

test.each([
  ["1MiB", 1_048_576],
  ["512 KiB", 524_288],
  ["10kb", 10_000],
  ["3b", 3],
  ["1 TB", undefined],
])("the size %s", (text, bytes) => {
  expect(parseSize(text)).toBe(bytes);
});

test.each([
  ["pool_sise", "pool_size"],
  ["PORT", "port"],
  ["prot", "port"],
  ["hosst", "host"],
  ["completely_else", undefined],
  ["x", undefined],
])("what %s was meant to be", (word, meant) => {
  expect(closest(word, ["host", "port", "pool_size"])).toBe(meant);
});

test("placeholders of examples are told from real secrets", () => {
  for (const text of [
    "wwxxxxxxxxxxxxxx",
    "4X2F...(实际使用时需填写完整)",
    "<token>",
    "your-secret",
    "changeme",
    "CHANGE_ME",
    "***",
    "占位",
  ]) {
    expect(isPlaceholder(text), text).toBe(true);
  }
  for (const text of ["ww0123456789abcdef", "OPENCLAW", "jWmYm7qr5nMoAUwZRjGtBxmz3KA1tkAj3ykkR6q2BvC", "p<q", "xxx"]) {
    expect(isPlaceholder(text), text).toBe(false);
  }
});
