import { describe, expect, test } from "vitest";
import { qqConfig } from "../../../adapters/qq/config.ts";

const least = { app_id: "102000001", secret: "of-a-test" };

test("two values are enough", () => {
  expect(qqConfig.parse(least)).toMatchObject({
    mode: "websocket",
    api_base: "https://api.bot.qq.com",
    token_base: "https://api.bot.qq.com",
    intents: ["GROUP_AND_C2C_EVENT", "INTERACTION"],
    active_push: false,
    reply_windows: { direct: { window: 3_600_000, replies: 4 }, group: { window: 300_000, replies: 5 } },
  });
});

test("an app id may be written as a number, an address with a slash at its end", () => {
  expect(qqConfig.parse({ ...least, app_id: 102000001, api_base: "https://sandbox.api.sgroup.qq.com/" })).toMatchObject({
    app_id: "102000001",
    api_base: "https://sandbox.api.sgroup.qq.com",
  });
});

describe.each([
  ["an app id of letters", { app_id: "yourappid" }],
  ["an empty secret", { secret: "" }],
  ["a placeholder", { secret: "xxxxxxxx" }],
  ["an intent that nobody knows", { intents: ["EVERYTHING"] }],
  ["no intents", { intents: [] }],
  ["an address that is none", { api_base: "api.bot.qq.com" }],
  ["a key that nobody knows", { app_secret: "x" }],
])("%s", (_name, wrong) => {
  test("is refused", () => {
    expect(qqConfig.safeParse({ ...least, ...wrong }).success).toBe(false);
  });
});
