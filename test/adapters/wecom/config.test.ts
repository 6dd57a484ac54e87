import { describe, expect, test } from "vitest";
import { wecomConfig } from "../../../adapters/wecom/config.ts";
import wecom from "../../../adapters/wecom/index.ts";
import { isSecret } from "../../../src/config/shape.ts";

const good = {
  corp_id: "ww1234567890abcdef",
  secret: "4X2Fq1",
  agent_id: 1000002,
  token: "OPENCLAW",
  encoding_aes_key: "jWmYm7qr5nMoAUwZRjGtBxmz3KA1tkAj3ykkR6q2BvC",
};

test("the keys of the published example are taken, and the rest has defaults", () => {
  expect(wecomConfig.parse(good)).toEqual({
    ...good,
    retry_timeout: 5000,
    freshness_window: 600_000,
    api_base: "https://qyapi.weixin.qq.com",
  });
  expect([wecom.configKey, ...wecom.configAliases!]).toEqual(["wechat_enterprise", "wechat"]);
});

test("agent_id may be a number or digits", () => {
  expect(wecomConfig.parse({ ...good, agent_id: "1000002" }).agent_id).toBe(1_000_002);
});

test("what must not be shown is marked as secret", () => {
  const { shape } = wecomConfig;
  const secrets = Object.keys(shape).filter((key) => isSecret(key, shape[key as keyof typeof shape]));
  expect(secrets).toEqual(["secret", "token", "encoding_aes_key"]);
});

describe("refused", () => {
  test.each([
    ["a placeholder for the corp", { corp_id: "wwxxxxxxxxxxxxxx" }, "corp_id"],
    ["no corp", { corp_id: "" }, "corp_id"],
    ["a placeholder for the secret", { secret: "4X2F...(实际使用时需填写完整)" }, "secret"],
    ["an empty token", { token: "" }, "token"],
    ["a key of 42 characters", { encoding_aes_key: good.encoding_aes_key.slice(1) }, "encoding_aes_key"],
    ["a key that is not base64", { encoding_aes_key: `-${good.encoding_aes_key.slice(1)}` }, "encoding_aes_key"],
    ["an agent that is not a number", { agent_id: "my app" }, "agent_id"],
    ["a window that the platform's repeats would miss", { retry_timeout: 60_000, freshness_window: 200_000 }, "freshness_window"],
    ["an address that is not one of the web", { api_base: "file:///etc" }, "api_base"],
    ["an unknown key", { agentid: 1 }, ""],
  ])("%s", (_name, change, path) => {
    const issues = wecomConfig.safeParse({ ...good, ...change }).error?.issues ?? [];
    expect(issues.map((issue) => issue.path.join("."))).toContain(path);
  });
});
