import { expect, test } from "vitest";
import { listenAddress, sectionFor } from "../../src/cli/simulated-api.ts";
import { defineSimulator } from "../../src/simulator.ts";

const platform = defineSimulator({
  config: (apiBase) => ({ token: "t", api_base: apiBase, ws_url: `${apiBase.replace("http", "ws")}/gateway` }),
  forgeries: [],
  create: () => {
    throw new Error("not created here");
  },
});
const withoutApi = defineSimulator({ ...platform, config: () => ({ token: "t" }) });

test("the simulated API listens where the configuration expects it", () => {
  const config = { api_base: "http://127.0.0.1:8400/", ws_url: "ws://127.0.0.1:8400/gateway" };
  expect(listenAddress("x", config, platform)).toEqual({ host: "127.0.0.1", port: 8400 });
  expect(listenAddress("x", {}, withoutApi)).toBeUndefined();
});

test.each([
  { api_base: "https://api.example.com", ws_url: "wss://api.example.com/gateway" },
  { api_base: "http://127.0.0.1:8400", ws_url: "wss://api.example.com/gateway" },
  { api_base: "http://localhost", ws_url: "ws://localhost/gateway" },
  {},
])("a configuration that points elsewhere is told which lines to write: %j", (config) => {
  const expected = {
    code: "CLAWDBOT_ERR_INVALID",
    hint: expect.stringContaining('x:\n  api_base: "http://127.0.0.1:18080"\n  ws_url: "ws://127.0.0.1:18080/gateway"'),
  };
  expect(() => listenAddress("x", config, platform)).toThrow(expect.objectContaining(expected));
});

test("a channel that is not configured is shown the whole section", () => {
  expect(sectionFor("x", withoutApi)).toBe('\nx:\n  enabled: true\n  token: "t"');
});
