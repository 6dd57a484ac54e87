import { describe, expect, test } from "vitest";
import { load, problems } from "./fixture.ts";

describe("a mistake is shown with its place, a caret and what was meant:", () => {
  test("unknown keys, near and far", () => {
    expect(
      problems(`server:
    port: 8080
storage:
    type: sqlite
    pool_sise: 20
    colour: red
serverr: {}
imessage:
  enabled: true
__proto__: { admin: true }
`),
    ).toMatchInlineSnapshot(`
      "config/gateway.yaml:5:5  storage.pool_sise: unknown key. Did you mean pool_size?
        5 |     pool_sise: 20
          |     ^^^^^^^^^
      config/gateway.yaml:6:5  storage.colour: unknown key. Known keys: type, path, retention_days, dsn, pool_size, uri, write_concern
        6 |     colour: red
          |     ^^^^^^
      config/gateway.yaml:7:1  serverr: unknown section, and no adapter of that name is installed. Did you mean server?
        7 | serverr: {}
          | ^^^^^^^
      config/gateway.yaml:8:1  imessage: unknown section, and no adapter of that name is installed. Installed channels: wechat_enterprise, dingtalk, websocket
        8 | imessage:
          | ^^^^^^^^
      config/gateway.yaml:10:1  __proto__: unknown section, and no adapter of that name is installed. Installed channels: wechat_enterprise, dingtalk, websocket
        10 | __proto__: { admin: true }
           | ^^^^^^^^^"
    `);
  });

  test("wrong values of every kind, all at once", () => {
    expect(
      problems(`server:
  port: 70000
  language: zhh
  public_url: bot.example.com
  host: ""
  max_body: big
metrics:
  enabled: yes
  port: "9091"
storage:
  retention_days: 3
  pool_size: 3
performance:
  worker_threads: many
  max_queue_size: 99999999999999999999
  max_attempts: 1.5
  skill_timeout: 99d
  batch: 50
security:
  admins: [user42]
router: help
`),
    ).toMatchInlineSnapshot(`
      "config/gateway.yaml:2:9  server.port: must be at most 65535
        2 |   port: 70000
          |         ^^^^^
      config/gateway.yaml:3:13  server.language: must be one of: auto, zh, en. Did you mean zh?
        3 |   language: zhh
          |             ^^^
      config/gateway.yaml:4:15  server.public_url: must be a URL
        4 |   public_url: bot.example.com
          |               ^^^^^^^^^^^^^^^
      config/gateway.yaml:5:9  server.host: is empty
        5 |   host: ""
          |         ^^
      config/gateway.yaml:6:13  server.max_body: must be a size such as 512KiB or 1MiB, or a number of bytes
        6 |   max_body: big
          |             ^^^
      config/gateway.yaml:8:12  metrics.enabled: must be true or false
        8 |   enabled: yes
          |            ^^^
      config/gateway.yaml:9:9  metrics.port: must be a number. Remove the quotes
        9 |   port: "9091"
          |         ^^^^^^
      config/gateway.yaml:11:19  storage.retention_days: must be at least 7
        11 |   retention_days: 3
           |                   ^
      config/gateway.yaml:12:14  storage.pool_size: has no meaning for storage.type sqlite
        12 |   pool_size: 3
           |              ^
      config/gateway.yaml:14:19  performance.worker_threads: must be auto, or a whole number 1 … 4096
        14 |   worker_threads: many
           |                   ^^^^
      config/gateway.yaml:15:19  performance.max_queue_size: is too large for a number
        15 |   max_queue_size: 99999999999999999999
           |                   ^^^^^^^^^^^^^^^^^^^^
      config/gateway.yaml:16:17  performance.max_attempts: must be a whole number
        16 |   max_attempts: 1.5
           |                 ^^^
      config/gateway.yaml:17:18  performance.skill_timeout: must be between 1 and 2147483647 ms
        17 |   skill_timeout: 99d
           |                  ^^^
      config/gateway.yaml:18:10  performance.batch: must be a mapping (lines of key: value below it)
        18 |   batch: 50
           |          ^^
      config/gateway.yaml:20:12  security.admins.0: must be channel:id, the name of a channel and a user's id there
        20 |   admins: [user42]
           |            ^^^^^^
      config/gateway.yaml:21:9  router: must be a mapping (lines of key: value below it)
        21 | router: help
           |         ^^^^"
    `);
  });

  test("in Chinese, with the caret below full-width characters", () => {
    expect(problems('server: { language: "中文", port: 0x }\nlog: {level: trace}\n', { language: "zh" })).toMatchInlineSnapshot(`
      "config/gateway.yaml:1:21  server.language: 只能是：auto、zh、en
        1 | server: { language: "中文", port: 0x }
          |                     ^^^^^^
      config/gateway.yaml:1:33  server.port: 必须是数字
        1 | server: { language: "中文", port: 0x }
          |                                   ^^
      config/gateway.yaml:2:14  log.level: 只能是：debug、info、warn、error
        2 | log: {level: trace}
          |              ^^^^^"
    `);
  });

  test("the modes of a channel", () => {
    expect(problems("dingtalk:\n  mode: steam\n  client_id: a\n")).toMatchInlineSnapshot(`
      "config/gateway.yaml:2:9  dingtalk.mode: must be one of: stream, callback. Did you mean stream?
        2 |   mode: steam
          |         ^^^^^"
    `);
    expect(problems("dingtalk:\n  mode: callback\n  client_secret: abc\n")).toMatchInlineSnapshot(`
      "config/gateway.yaml:1:1  dingtalk.robot_code: is missing
        1 | dingtalk:
          | ^^^^^^^^"
    `);
    expect(problems("dingtalk: true\n")).toMatchInlineSnapshot(`
      "config/gateway.yaml:1:11  dingtalk: must be a mapping (lines of key: value below it)
        1 | dingtalk: true
          |           ^^^^"
    `);
    expect(problems("dingtalk:\n  accounts: [a]\n")).toMatchInlineSnapshot(`
      "config/gateway.yaml:1:1  dingtalk.client_id: is missing
        1 | dingtalk:
          | ^^^^^^^^
      config/gateway.yaml:1:1  dingtalk.client_secret: is missing
        1 | dingtalk:
          | ^^^^^^^^
      config/gateway.yaml:2:13  dingtalk.accounts: must be a mapping (lines of key: value below it)
        2 |   accounts: [a]
          |             ^^^"
    `);
    expect(problems("dingtalk:\n  enabled: maybe\n")).toMatchInlineSnapshot(`
      "config/gateway.yaml:1:1  dingtalk.client_id: is missing
        1 | dingtalk:
          | ^^^^^^^^
      config/gateway.yaml:1:1  dingtalk.client_secret: is missing
        1 | dingtalk:
          | ^^^^^^^^
      config/gateway.yaml:2:12  dingtalk.enabled: must be true or false
        2 |   enabled: maybe
          |            ^^^^^"
    `);
  });

  test("a key in two files, and in one section under two names", () => {
    expect(problems({ "a.yaml": "server:\n  port: 1\n", "b.yaml": "log: {}\nserver:\n  port: 2\n" })).toMatchInlineSnapshot(`
      "config/b.yaml:2:1  server: is set in config/a.yaml:1:1 already. Remove one of them
        2 | server:
          | ^^^^^^"
    `);
    expect(
      problems({ "a.yaml": "wechat_enterprise:\n  enabled: false\n  token: a\n", "b.yaml": "wechat:\n  token: b\n" }),
    ).toMatchInlineSnapshot(`
      "config/b.yaml:2:3  wechat.token: is set in config/a.yaml:3:3 already. Remove one of them
        2 |   token: ***
          |   ^^^^^"
    `);
  });

  test("flags", () => {
    expect(
      problems("", { flags: { "server.prot": "1", "nowhere.x": "1", "log.level": "loud", "server.port.x": "1" } }),
    ).toMatchInlineSnapshot(`
      "--set log.level  log.level: must be one of: debug, info, warn, error
      --set nowhere.x  nowhere: unknown section, and no adapter of that name is installed. Installed channels: wechat_enterprise, dingtalk, websocket
      --set server.port.x  server.port: must be a number
      --set server.prot  server.prot: unknown key. Did you mean port?"
    `);
  });

  test("a document that is no mapping", () => {
    expect(problems("- server\n")).toMatchInlineSnapshot(`
      "config/gateway.yaml:1:1  is not a list of sections. A configuration file has lines such as server: at the left margin
        1 | - server
          | ^^^^^^^^"
    `);
    expect(problems("server\n")).toMatchInlineSnapshot(`
      "config/gateway.yaml:1:1  is not a list of sections. A configuration file has lines such as server: at the left margin
        1 | server
          | ^^^^^^"
    `);
  });
});

describe("what is no YAML is explained:", () => {
  test.each([
    ["a tab", "server:\n\tport: 1\n"],
    ["an open quote", 'server:\n  host: "abc\n'],
    ["two keys on a line", "server: port: 1\n"],
    ["uneven indentation", "server:\n  port: 1\n host: a\n"],
    ["a key without a colon", "server:\n  port: 1\n  host\n"],
    ["a reserved character", "server:\n  host: @abc\n"],
    ["a second document", "log: {}\n---\nserver: {}\n"],
    ["an alias of nothing", "server:\n  host: *abc\n"],
    ["a tag", "server:\n  host: !abc def\n"],
    ["a bad escape", 'server:\n  host: "\\q"\n'],
    ["a key twice", "server:\n  port: 1\n  host: a\n  port: 2\n"],
    ["an open bracket", "security:\n  admins: [a\n"],
  ])("%s", (_, text) => {
    expect(problems(text)).toMatchSnapshot();
  });
});

describe("no message shows a secret:", () => {
  const canary = "S3CR3T-canary";

  test.each([
    ["in a wrong value", `wechat:\n  encoding_aes_key: ${canary}\n  token: [${canary}]\n`],
    ["beside a mistake on the same line", `wechat: { secret: ${canary}, retry_tmeout: 1 }\n`],
    ["in a list below its key", `websocket:\n  tokens:\n    - nmae: x\n      token: ${canary}\n    - { token: 5, name: ${canary} }\n`],
    ["in a text that is no YAML", `wechat:\n  secret: @${canary}\n`],
    ["in an alias", `wechat:\n  secret: *${canary}\n`],
    ["in a tag", `wechat:\n  secret: !${canary} x\n`],
    ["in a quote that is not closed", `wechat:\n  token: "${canary}\n`],
    ["in a block over several lines", `wechat:\n  secret:\n    ${canary}: x: y\n`],
    [
      "in an address",
      `storage:\n  type: postgresql\n  dsn: postgres://user:${canary}@host/db\nserver:\n  public_url: ftp://u:${canary}@host\n`,
    ],
    ["in a comment", `server:\n  prot: 1 # token: ${canary}\n`],
    ["in a default of a variable", `wechat:\n  secret: \${NOT_SET}\${X:-${canary}}\n`],
  ])("%s", (_, text) => {
    const shown = problems(text);
    expect(shown).not.toBe("none");
    expect(shown).not.toContain(canary);
  });

  test("in a variable or a flag", () => {
    const env = { CLAWDBOT_WECHAT__ENCODING_AES_KEY: canary, CLAWDBOT_SERVER__PORT: canary, CLAWDBOT_NO__SUCH_TOKEN: canary };
    expect(problems("", { env, flags: { "log.level": canary } })).not.toContain(canary);
    expect(JSON.stringify(load("", { env: { CLAWDBOT_NO__SUCH_TOKEN: canary } }).warnings)).not.toContain(canary);
  });
});
