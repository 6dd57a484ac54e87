import { describe, expect, test } from "vitest";
import { doorTokens, onebotConfig } from "../../../adapters/onebot/config.ts";
import onebot from "../../../adapters/onebot/index.ts";
import { isSecret } from "../../../src/config/shape.ts";

const check = (config: Record<string, unknown>, loopback: boolean) =>
  onebot.check!(new Map([["default", onebotConfig.parse(config)]]), { host: loopback ? "127.0.0.1" : "0.0.0.0", loopback });

test("nothing has to be set", () => {
  expect(onebotConfig.parse({})).toEqual({ connect: [], max_frame_bytes: 4_194_304, ping_interval: 20_000 });
  expect(onebot.configKey).toBe("onebot");
});

test("beyond this machine peers need a token; who only dials needs none", () => {
  expect(check({}, true)).toBeUndefined();
  expect(check({}, false)).toMatchObject({ en: expect.stringContaining("token") });
  expect(check({ token: "a-token" }, false)).toBeUndefined();
  expect(check({ connect: [{ url: "ws://peer:3001" }] }, false)).toBeUndefined();
});

test("accounts are not configured", () => {
  const one = onebotConfig.parse({ token: "a-token" });
  expect(
    onebot.check!(
      new Map([
        ["a", one],
        ["b", one],
      ]),
      { host: "127.0.0.1", loopback: true },
    ),
  ).toMatchObject({ en: expect.stringContaining("accounts") });
});

describe("what it takes from websocket", () => {
  const borrow = (websocket: Record<string, unknown>, own: Record<string, unknown> = {}) =>
    doorTokens(onebotConfig.parse({ ...onebot.borrows!.settings(websocket, own), ...own }));

  test("its token or all of its tokens, when there is no own one", () => {
    expect(borrow({ token: "theirs" })).toEqual(["theirs"]);
    expect(
      borrow({
        tokens: [
          { name: "a", token: "first" },
          { name: "b", token: "second" },
        ],
      }),
    ).toEqual(["first", "second"]);
    expect(borrow({ token: "theirs" }, { token: "ours" })).toEqual(["ours"]);
    expect(borrow({ token: "theirs" }, { tokens: ["ours"] })).toEqual(["ours"]);
    expect(borrow({})).toEqual([]);
  });

  test("nothing that is no token, however the section is written", () => {
    expect(borrow({ token: 7 })).toEqual([]);
    expect(borrow({ token: "" })).toEqual([]);
    expect(borrow({ token: "your-token" })).toEqual([]);
    expect(borrow({ tokens: [null, "x", { name: "a" }] })).toEqual([]);
  });
});

test("what must not be shown is marked as secret", () => {
  const { shape } = onebotConfig;
  expect(Object.keys(shape).filter((key) => isSecret(key, shape[key as keyof typeof shape]))).toEqual(["token", "tokens"]);
});

describe("refused", () => {
  test.each([
    ["an empty token", { token: "" }, "token"],
    ["a placeholder", { token: "your-token" }, "token"],
    ["no tokens", { tokens: [] }, "tokens"],
    ["an address that is not one of a WebSocket", { connect: [{ url: "http://127.0.0.1:3001" }] }, "connect.0.url"],
    ["a token in an address", { connect: [{ url: "ws://127.0.0.1:3001/?access_token=abc" }] }, "connect.0.url"],
    ["a password in an address", { connect: [{ url: "ws://user:abc@127.0.0.1:3001" }] }, "connect.0.url"],
    ["an unknown key", { access_token: "abc" }, ""],
  ])("%s", (_name, config, path) => {
    const issues = onebotConfig.safeParse(config).error?.issues ?? [];
    expect(issues.map((issue) => issue.path.join("."))).toContain(path);
  });
});
