import { expect, test } from "vitest";
import { appOf, dingtalkConfig } from "../../../adapters/dingtalk/config.ts";

const app = { client_id: "ding0123456789", client_secret: "a-real-secret" };

function mistakes(section: Record<string, unknown>): string[] {
  const parsed = dingtalkConfig.safeParse(section);
  return parsed.success ? [] : parsed.error.issues.map(({ path, message }) => `${path.join(".")}: ${message}`);
}

test("id and secret are enough, and the rest is DingTalk's own", () => {
  const config = dingtalkConfig.parse(app);
  expect(config).toMatchObject({
    mode: "stream",
    api_base: "https://api.dingtalk.com",
    oapi_base: "https://oapi.dingtalk.com",
    webhooks: {},
  });
  expect(appOf(config)!.robot_code).toBe("ding0123456789");
  expect(appOf(dingtalkConfig.parse({ ...app, robot_code: "dingrobot" }))!.robot_code).toBe("dingrobot");
});

test("group robots need no app", () => {
  const config = dingtalkConfig.parse({ webhooks: { alerts: { access_token: "0123abcd", secret: "SEC0123abcd" } } });
  expect(appOf(config)).toBeUndefined();
});

test.each<[string, Record<string, unknown>]>([
  ["nothing", {}],
  ["an id alone", { client_id: app.client_id }],
  ["a secret alone", { client_secret: app.client_secret }],
  ["an empty secret", { ...app, client_secret: "" }],
  ["a placeholder", { ...app, client_secret: "xxxxxxxx" }],
  ["a placeholder as id", { ...app, client_id: "dingxxxxxxxx" }],
  ["an unknown mode", { ...app, mode: "websocket" }],
  ["an unknown key", { ...app, secret: "s" }],
  ["a base that is no web address", { ...app, api_base: "ftp://api.dingtalk.com" }],
  ["a group robot without a token", { ...app, webhooks: { alerts: { secret: "SEC0123abcd" } } }],
  ["a group robot's placeholder", { webhooks: { alerts: { access_token: "your-token" } } }],
  ["a group robot with a name that no conversation can have", { webhooks: { "a:b": { access_token: "0123abcd" } } }],
])("%s is a mistake", (_name, section) => {
  expect(mistakes(section)).not.toEqual([]);
});
