import { expect, test } from "vitest";
import websocket from "../../../adapters/websocket/index.ts";

const check = (config: Record<string, unknown>, loopback: boolean) =>
  websocket.check?.(new Map([["default", websocket.config.parse(config)]]), { host: loopback ? "127.0.0.1" : "0.0.0.0", loopback });

test("beyond loopback the channel does not run without a token of its own", () => {
  expect(check({}, true)).toBeUndefined();
  expect(check({}, false)).toMatchObject({ en: expect.stringContaining("token") });
  expect(check({ token: "a-token-of-its-own" }, false)).toBeUndefined();
});
