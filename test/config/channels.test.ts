import { describe, expect, test } from "vitest";
import { load, problems, wechat } from "./fixture.ts";

describe("wechat.retry_timeout=5000", () => {
  test("works as a key, a variable and a flag, by the section's alias as by its name", () => {
    const timeout = (config: ReturnType<typeof load>) =>
      (config.settings.channels[0]!.accounts.get("default") as { retry_timeout: number }).retry_timeout;
    const alias = wechat.replace("wechat_enterprise:", "wechat:");
    expect(timeout(load(`${alias}  retry_timeout: 5001\n`))).toBe(5001);
    expect(timeout(load({ "a.yaml": wechat, "b.yaml": "wechat:\n  retry_timeout: 5002\n" }))).toBe(5002);
    for (const text of [wechat, alias]) {
      expect(timeout(load(text, { env: { CLAWDBOT_WECHAT__RETRY_TIMEOUT: "5003" } }))).toBe(5003);
      expect(timeout(load(text, { env: { CLAWDBOT_WECHAT_ENTERPRISE__RETRY_TIMEOUT: "5004" } }))).toBe(5004);
      expect(timeout(load(text, { flags: { "wechat.retry_timeout": "5005" } }))).toBe(5005);
    }
  });
});

describe("a channel", () => {
  test("with several accounts takes the keys beside them as defaults for all", () => {
    const text = `wechat:
  corp_id: ww1
  encoding_aes_key: jWmYm7qr5nMoAUwZRjGtBxmz3KA1tkAj3ykkR6q2BvC
  token: shared-token
  retry_timeout: 7000
  accounts:
    sales: { secret: first, agent_id: 1 }
    support: { secret: second, agent_id: 2, retry_timeout: 8000 }
`;
    const [channel] = load(text).settings.channels;
    expect(channel!.key).toBe("wechat");
    expect(Object.fromEntries(channel!.accounts)).toMatchObject({
      sales: { corp_id: "ww1", agent_id: "1", secret: "first", retry_timeout: 7000 },
      support: { corp_id: "ww1", agent_id: "2", secret: "second", retry_timeout: 8000 },
    });
    expect(load(text).value("wechat.accounts.support.secret")).toBe("***");
    const wrong = text
      .replace("token: shared-token", 'token: ""')
      .replace("secret: second, ", "")
      .replace("sales:", "sal:es:")
      .replace("{ secret: first", "{ seecret: first");
    expect(problems(wrong)).toMatchInlineSnapshot(`
      "config/gateway.yaml:4:10  wechat.token: is empty
        4 |   token: ***
          |          ^^
      config/gateway.yaml:7:5  wechat.accounts.sal:es: is no account name: use letters, digits, "_" and "-"
        7 |     sal:es: { seecret: first, agent_id: 1 }
          |     ^^^^^^
      config/gateway.yaml:7:5  wechat.accounts.sal:es.secret: is missing
        7 |     sal:es: { seecret: first, agent_id: 1 }
          |     ^^^^^^
      config/gateway.yaml:7:15  wechat.accounts.sal:es.seecret: unknown key. Did you mean secret?
        7 |     sal:es: { seecret: first, agent_id: 1 }
          |               ^^^^^^^
      config/gateway.yaml:8:5  wechat.accounts.support.secret: is missing
        8 |     support: { agent_id: 2, retry_timeout: 8000 }
          |     ^^^^^^^"
    `);
  });

  test("whose accounts only differ by variables may leave them empty", () => {
    const text = `${wechat}  accounts:\n    a:\n    b:\n`;
    const { settings } = load(text, { env: { CLAWDBOT_WECHAT__ACCOUNTS__A__AGENT_ID: "7" } });
    expect([...settings.channels[0]!.accounts].map(([name, account]) => [name, (account as { agent_id: string }).agent_id])).toEqual([
      ["a", "7"],
      ["b", "1000002"],
    ]);
  });

  test("that is switched off may lack its secrets, but neither misspell a key nor have a wrong type", () => {
    expect(problems("dingtalk:\n  enabled: false\n  client_secret:\n")).toBe("none");
    expect(problems('dingtalk:\n  enabled: false\n  client_id: ""\n  client_secret: xxxxxx\n')).toBe("none");
    expect(
      load("dingtalk:\n  enabled: false\n").settings.channels.map(({ key, enabled, accounts }) => [key, enabled, accounts.size]),
    ).toEqual([
      ["dingtalk", false, 0],
      ["websocket", true, 1],
    ]);
    expect(
      problems("dingtalk:\n  enabled: false\n  cleint_id: a\nwechat:\n  enabled: false\n  retry_timeout: [1]\n"),
    ).toMatchInlineSnapshot(`
      "config/gateway.yaml:3:3  dingtalk.cleint_id: unknown key. Did you mean client_id?
        3 |   cleint_id: a
          |   ^^^^^^^^^
      config/gateway.yaml:6:18  wechat.retry_timeout: must be a number
        6 |   retry_timeout: [1]
          |                  ^^^"
    `);
  });

  test("that is switched on by a variable names the variable in what is wrong with it", () => {
    expect(problems("", { env: { CLAWDBOT_DINGTALK__CLIENT_SECRET: "<secret>" } })).toMatchInlineSnapshot(`
      "CLAWDBOT_DINGTALK__CLIENT_SECRET  dingtalk.client_id: is missing
      CLAWDBOT_DINGTALK__CLIENT_SECRET  dingtalk.client_secret: is a placeholder: put the real value here"
    `);
  });

  test("that runs by itself can be switched off", () => {
    expect(load("websocket:\n  enabled: false\n").settings.channels[0]).toMatchObject({ enabled: false });
    expect(load("websocket:\n").settings.channels[0]).toMatchObject({ enabled: true });
  });
});
