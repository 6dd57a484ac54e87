import { readFileSync } from "node:fs";
import { describe, expect, test } from "vitest";
import { parse } from "yaml";
import { z } from "zod";
import { explain, schemaDocument } from "../../src/config/explain.ts";
import { parsePermissions } from "../../src/guard/permissions.ts";
import { definitions, load } from "./fixture.ts";

describe("config explain", () => {
  test("tells type, default and meaning of a key in both languages", () => {
    expect(explain("performance.worker_threads", definitions)).toEqual({
      path: "performance.worker_threads",
      type: { en: "auto, or a whole number 1 … 4096", zh: "auto，或整数 1 … 4096" },
      description: { en: "Conversations handled at a time; auto is the number of cores.", zh: "同时处理的会话数；auto 为 CPU 核数。" },
      default: 32,
      secret: false,
      keys: [],
    });
  });

  test("knows the keys of sections, channels, aliases, accounts and lists", () => {
    expect(explain("performance.batch", definitions)).toMatchObject({ keys: ["enabled", "size", "interval"] });
    expect(explain("", definitions)!.keys).toEqual(expect.arrayContaining(["server", "wechat", "wechat_enterprise", "dingtalk"]));
    expect(explain("dingtalk.mode", definitions)).toMatchObject({ type: { en: "stream, or callback" }, default: "stream" });
    expect(explain("wechat.accounts.any.secret", definitions)).toMatchObject({ secret: true });
    expect(explain("websocket.tokens.0.name", definitions)).toMatchObject({ type: { en: "text" } });
    for (const path of ["server.prot", "server.port.x", "constructor", "__proto__"]) expect(explain(path, definitions)).toBeUndefined();
  });

  test("has a text in both languages for every key of the core", () => {
    const missing = keysBelow("").filter((path) => {
      const { description } = explain(path, [])!;
      return description.en === "" || !/\p{Script=Han}/u.test(description.zh);
    });
    expect(missing).toEqual([]);
  });
});

function keysBelow(path: string): string[] {
  return explain(path, [])!.keys.flatMap((key) => {
    const inner = path === "" ? key : `${path}.${key}`;
    return [inner, ...keysBelow(inner)];
  });
}

describe("the JSON Schema", () => {
  const document = schemaDocument(definitions);
  // zod's own reader of JSON Schema stands in for an editor's.
  const editor = z.fromJSONSchema(document as Parameters<typeof z.fromJSONSchema>[0]);

  test("takes what the loader takes", () => {
    const text =
      "server: { port: 1, max_body: 1MiB }\nwechat: { secret: abc, agent_id: '1', accounts: { a: { token: x } } }\ndingtalk: { mode: callback }\n";
    expect(editor.safeParse(parse(text)).error).toBeUndefined();
  });

  test.each(["server: { prot: 1 }", "sever: {}", "server: { port: x }", "dingtalk: { mode: steam }", "log: { level: loud }"])(
    "refuses %s",
    (text) => {
      expect(editor.safeParse(parse(text)).success).toBe(false);
    },
  );

  test("marks secrets, speaks both languages and holds no words of our own", () => {
    const text = JSON.stringify(document);
    expect(document).toMatchObject({
      $schema: "http://json-schema.org/draft-07/schema#",
      properties: {
        wechat: { properties: { secret: { writeOnly: true } } },
        server: { properties: { port: { default: 8080, description: expect.stringMatching(/Port.*\n.*端口/) } } },
      },
    });
    expect(text).not.toMatch(/"zh":|"expects":|"secret":true/);
  });
});

describe("the files that come with the daemon", () => {
  const read = (name: string) => readFileSync(new URL(`../../${name}`, import.meta.url), "utf8");
  const uncomment = (text: string) => text.replaceAll(/^#(?! \S)(?=.*\S)/gm, "");

  test("change nothing as they are", () => {
    expect(load(read("config/gateway.yaml")).value("")).toEqual(load("").value(""));
    expect(parsePermissions(read("permissions.yaml"), "permissions.yaml").rules.size).toBe(0);
  });

  test("show every key of the core with its true default", () => {
    const shown = uncomment(read("config/gateway.yaml"));
    expect(load(shown).value("")).toEqual(load("").value(""));
    const keys = Object.entries(parse(shown) as Record<string, unknown>).flatMap(([section, value]) =>
      typeof value === "object" && value !== null ? Object.keys(value).map((key) => `${section}.${key}`) : [section],
    );
    const later = /^(cluster|queue|tls|rules|models)|\.(dsn|pool_size|uri|write_concern|allowed_ips)$/;
    const known = keysBelow("").filter((path) => !later.test(path) && path.split(".").length <= 2 && explain(path, [])!.keys.length === 0);
    expect(keys.filter((key) => key !== "performance.batch").sort()).toEqual(known.sort());
  });

  test("show permissions that can be used by removing the comment signs", () => {
    const { rules } = parsePermissions(uncomment(read("permissions.yaml")), "permissions.yaml");
    expect([...rules.keys()]).toEqual(["echo", "alert_forward", "status"]);
  });
});
