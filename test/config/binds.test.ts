import { describe, expect, test } from "vitest";
import { formatProblems } from "../../src/config/format-problems.ts";
import { load, problems } from "./fixture.ts";

describe("an address that is not loopback", () => {
  test("is refused while a channel lets clients in without a token of their own", () => {
    expect(problems("server:\n  host: 0.0.0.0\n")).toMatchInlineSnapshot(`
      "config/gateway.yaml:2:9  websocket: needs a token to listen on 0.0.0.0
        2 |   host: 0.0.0.0
          |         ^^^^^^^"
    `);
    expect(problems("server:\n  host: 0.0.0.0\nwebsocket:\n  enabled: true\n")).toMatchInlineSnapshot(`
      "config/gateway.yaml:3:1  websocket: needs a token to listen on 0.0.0.0
        3 | websocket:
          | ^^^^^^^^^"
    `);
    expect(problems("server:\n  host: 0.0.0.0\nwebsocket:\n  token: a-real-token\n")).toBe("none");
    expect(problems("server:\n  host: 0.0.0.0\nwebsocket:\n  enabled: false\n")).toBe("none");
    for (const host of ["localhost", "127.0.0.1", "127.1.2.3", "::1"])
      expect(problems("", { flags: { "server.host": host } })).toBe("none");
    for (const host of ["::", "192.168.1.5", "127.evil.example", "localhost.evil.example"]) {
      expect(problems("", { flags: { "server.host": host } })).toBe(`--set server.host  websocket: needs a token to listen on ${host}`);
    }
  });

  test("is worth a warning for metrics", () => {
    const { warnings } = load("", { env: { CLAWDBOT_METRICS__HOST: "0.0.0.0" } });
    expect(formatProblems(warnings, "en")).toMatchInlineSnapshot(
      `"CLAWDBOT_METRICS__HOST  metrics.host: everybody who reaches this address can read the metrics. Make sure that a firewall guards it"`,
    );
    expect(load("metrics: { enabled: false, host: 0.0.0.0 }\n").warnings).toEqual([]);
  });
});
