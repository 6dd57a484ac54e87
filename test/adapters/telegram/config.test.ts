import { describe, expect, test } from "vitest";
import { telegramConfig } from "../../../adapters/telegram/config.ts";
import telegram from "../../../adapters/telegram/index.ts";
import { isSecret } from "../../../src/config/shape.ts";

const good = { token: "123456:AAF-x_9" };
const problems = (section: object) =>
  telegramConfig.safeParse(section).error?.issues.map(({ path, message }) => `${path.join(".")} ${message}`);

test("a token is enough: polling, against the public API, and no second send of what may have been sent", () => {
  expect(telegramConfig.parse(good)).toEqual({
    ...good,
    mode: "polling",
    on_unknown: "drop",
    api_base: "https://api.telegram.org",
  });
});

test("what must not be shown is marked as secret", () => {
  const { shape } = telegramConfig;
  const secrets = Object.keys(shape).filter((key) => isSecret(key, shape[key as keyof typeof shape]));
  expect(secrets).toEqual(["token", "webhook_secret"]);
});

test.each([
  [{}, "token"],
  [{ token: "" }, "token is empty"],
  [{ token: "<your token>" }, "token is a placeholder"],
  [{ token: "no-colon" }, "token is no bot token"],
  [{ token: "1:a/../b" }, "token is no bot token"],
  [{ ...good, mode: "webhook" }, "webhook_secret is needed in webhook mode"],
  [{ ...good, mode: "webhook", webhook_secret: "" }, "webhook_secret is empty"],
  [{ ...good, webhook_secret: "with space" }, "webhook_secret may hold"],
  [{ ...good, webhook_secret: "x1".repeat(129) }, "webhook_secret may hold"],
  [{ ...good, on_unknown: "maybe" }, "on_unknown"],
  [{ ...good, api_base: "ftp://x" }, "api_base"],
])("%j is refused, naming the key", (section, problem) => {
  expect(problems(section)?.join("\n")).toContain(problem);
});

describe("several accounts", () => {
  const server = { host: "127.0.0.1", loopback: true };
  const check = (...sections: object[]) =>
    telegram.check!(new Map(sections.map((section, index) => [`account${index}`, telegramConfig.parse(section)])), server);
  const webhook = (token: string, webhook_secret: string) => ({ token, mode: "webhook", webhook_secret });

  test("need a token each", () => {
    expect(check(good, good)).toMatchObject({ en: expect.stringContaining("same token"), zh: expect.any(String) });
    expect(check(good, { token: "2:b" })).toBeUndefined();
  });

  test("need a secret each when they share the callback", () => {
    expect(check(webhook("1:a", "one"), webhook("2:b", "one"))).toMatchObject({ en: expect.stringContaining("webhook_secret") });
    expect(check(webhook("1:a", "one"), webhook("2:b", "two"), good)).toBeUndefined();
  });
});
