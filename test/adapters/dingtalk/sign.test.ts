import { readFileSync } from "node:fs";
import { expect, test } from "vitest";
import { generateSign, sign } from "../../../adapters/dingtalk/sign.ts";

interface Vector {
  timestamp: string;
  secret: string;
  header: string;
  url: string;
}

// Made with Python's hmac, base64 and urllib.parse.quote_plus, as in the function `generate_sign` that users know.
const vectors = JSON.parse(readFileSync(new URL("../../fixtures/dingtalk/sign-vectors.json", import.meta.url), "utf8")) as Vector[];

test.each(vectors)("signs $timestamp as Python does, plainly and for a URL", ({ timestamp, secret, header, url }) => {
  expect(sign(timestamp, secret)).toBe(header);
  expect(generateSign(secret, Number(timestamp))).toEqual({ timestamp, sign: url });
});

test("a clock with fractions gives whole milliseconds", () => {
  expect(generateSign("SECa1b2c3d4e5f6", 1_577_262_236_756.7)).toEqual(generateSign("SECa1b2c3d4e5f6", 1_577_262_236_757));
});
