import { expect, test } from "vitest";
import { createRedactor } from "../../src/observe/redactor.ts";

test("a secret is masked as it is, URL-encoded, as a form value and inside JSON", () => {
  const { hide, redact } = createRedactor();
  hide('p/s "1" ü+');
  const url = encodeURIComponent('p/s "1" ü+');
  const form = new URLSearchParams({ v: 'p/s "1" ü+' }).toString();
  expect(redact(`a p/s "1" ü+ b`)).toBe("a *** b");
  expect(redact(`/x/${url}/y and ${url.toLowerCase()}`)).toBe("/x/***/y and ***");
  expect(redact(form)).toBe("v=***");
  expect(redact(JSON.stringify({ v: 'p/s "1" ü+' }))).toBe('{"v":"***"}');
});

test("of a secret that contains another one nothing remains", () => {
  const { hide, redact } = createRedactor();
  for (const secret of ["abcd", "abcdefgh", "efgh"]) hide(secret);
  expect(redact("abcdefgh abcd efgh abcdef")).toBe("*** *** *** ***ef");
});

test("secrets are texts, not patterns", () => {
  const { hide, redact } = createRedactor();
  hide("a.*c|(d)[e]\\$^+?{1}/");
  expect(redact("abbc d e a.*c|(d)[e]\\$^+?{1}/")).toBe("abbc d e ***");
});

test("texts too short to be secrets are left alone", () => {
  const { hide, redact } = createRedactor();
  hide("");
  hide("abc");
  expect(redact("abcabc")).toBe("abcabc");
});

test("query parameters that name a secret are masked without being told", () => {
  const { redact } = createRedactor();
  expect(redact("GET /gettoken?corpid=ww1&corpsecret=s3cr3t&x=1")).toBe("GET /gettoken?corpid=ww1&corpsecret=***&x=1");
  expect(redact("https://h/send?ACCESS_TOKEN=abc#f https://h/?key=1 and secret=visible")).toBe(
    "https://h/send?ACCESS_TOKEN=***#f https://h/?key=*** and secret=visible",
  );
});

test("configured secrets stay masked however many tokens come and go; of those the last 100 do", () => {
  const { hide, redact } = createRedactor();
  for (let n = 0; n < 300; n++) hide(`configured-${n}.`);
  for (let n = 0; n < 150; n++) hide(`token-${n}.`);
  expect(redact("configured-0. configured-299. token-49. token-50. token-149.")).toBe("*** *** token-49. *** ***");
});
