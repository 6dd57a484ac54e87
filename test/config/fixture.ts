import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { onTestFinished } from "vitest";
import { z } from "zod";
import { type AdapterDefinition, defineAdapter } from "../../src/adapter.ts";
import { formatProblems } from "../../src/config/format-problems.ts";
import { type Config, type LoadOptions, loadConfig } from "../../src/config/load-config.ts";
import { ConfigError } from "../../src/config/problem.ts";
import { secret } from "../../src/config/secret.ts";
import type { Language } from "../../src/skill.ts";

const create = () => {
  throw new Error("a configuration is only read here");
};

/** Channels as the adapters declare theirs: with aliases, numbers that are ids, modes, and one that runs without a section. */
export const definitions: AdapterDefinition[] = [
  defineAdapter({
    name: "wecom",
    configKey: "wechat_enterprise",
    configAliases: ["wechat"],
    language: "zh",
    config: z.object({
      corp_id: secret(),
      secret: secret(),
      agent_id: z.string().min(1),
      token: secret(),
      encoding_aes_key: secret().length(43, "must have 43 characters"),
      retry_timeout: z.int().min(1).default(5000),
      api_base: z.url().default("https://qyapi.weixin.qq.com"),
    }),
    create,
  }),
  defineAdapter({
    name: "dingtalk",
    configKey: "dingtalk",
    language: "zh",
    config: z.discriminatedUnion("mode", [
      z.strictObject({ mode: z.literal("stream").default("stream"), client_id: z.string().min(1), client_secret: secret() }),
      z.strictObject({ mode: z.literal("callback"), client_secret: secret(), robot_code: z.string() }),
    ]),
    create,
  }),
  defineAdapter({
    name: "websocket",
    configKey: "websocket",
    language: "en",
    enabledByDefault: true,
    accountsAreClients: true,
    config: z.strictObject({
      token: secret().optional(),
      tokens: z.array(z.strictObject({ name: z.string(), token: secret() })).optional(),
    }),
    check(accounts, { host, loopback }) {
      const open = [...accounts.values()].some((account) => !account.token && !account.tokens);
      return open && !loopback ? { en: `needs a token to listen on ${host}`, zh: `监听 ${host} 需要令牌` } : undefined;
    },
    create,
  }) as AdapterDefinition,
];

/** The article's section with its placeholders filled in. */
export const wechat = `wechat_enterprise:
  corp_id: ww0123456789abcdef
  secret: 4X2Fabcdefgh
  agent_id: 1000002
  token: OPENCLAW
  encoding_aes_key: jWmYm7qr5nMoAUwZRjGtBxmz3KA1tkAj3ykkR6q2BvC
`;

/** Writes files below a new folder, which goes with the test; `config/…` are the configuration's. */
export function folder(files: Record<string, string> = {}): string {
  const dir = mkdtempSync(join(tmpdir(), "clawdbot-config-"));
  onTestFinished(() => rmSync(dir, { recursive: true }));
  for (const [name, text] of Object.entries(files)) {
    mkdirSync(dirname(join(dir, name)), { recursive: true });
    writeFileSync(join(dir, name), text);
  }
  return dir;
}

type Options = Partial<Omit<LoadOptions, "definitions" | "dir">>;

/** Loads one file, config/gateway.yaml, or several by name. */
export function load(files: string | Record<string, string>, options: Options = {}): Config {
  const named = typeof files === "string" ? { "gateway.yaml": files } : files;
  const dir = folder(Object.fromEntries(Object.entries(named).map(([name, text]) => [`config/${name}`, text])));
  return loadConfig({ dir: join(dir, "config"), env: {}, definitions, ...options });
}

/** What loading says is wrong, as it is printed; files go by their names alone. "none" when all is well. */
export function problems(files: string | Record<string, string>, options: Options & { language?: Language } = {}): string {
  const { language = "en", ...others } = options;
  try {
    load(files, others);
    return "none";
  } catch (error) {
    if (!(error instanceof ConfigError)) throw error;
    return formatProblems(error.problems, language).replaceAll(/\S*clawdbot-config-\w+\//g, "");
  }
}
