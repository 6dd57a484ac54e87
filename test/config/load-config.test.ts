import { availableParallelism } from "node:os";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { formatProblems } from "../../src/config/format-problems.ts";
import { loadConfig } from "../../src/config/load-config.ts";
import { definitions, folder, load, problems, wechat } from "./fixture.ts";

describe("without any configuration", () => {
  test("the daemon starts on loopback with the channels that need none", () => {
    const { settings, warnings } = loadConfig({ env: {}, definitions });
    expect(warnings).toEqual([]);
    expect(settings).toMatchObject({
      server: { host: "127.0.0.1", port: 8080, language: "auto", max_body: 1_048_576 },
      metrics: { enabled: true, host: "127.0.0.1", port: 9091, legacy_names: true },
      storage: { type: "sqlite", path: "data/clawdbot.db", retention_days: 30 },
      performance: {
        worker_threads: 32,
        max_queue_size: 10_000,
        max_outbox_size: 100_000,
        io_timeout: 5000,
        skill_timeout: 30_000,
        batch: { interval: 0 },
      },
      log: { level: "info" },
      security: { admins: [], rate_limit_scope: "user" },
      dataDir: "./data",
      permissionsFile: "permissions.yaml",
    });
    expect(settings.channels.map(({ definition, enabled, accounts }) => [definition.name, enabled, [...accounts]])).toEqual([
      ["websocket", true, [["default", {}]]],
    ]);
  });

  test("empty files, files of comments and sections without keys are as good as none", () => {
    const { settings } = load({
      "a.yaml": "",
      "b.yml": "# server:\n",
      "c.yaml": "server:\nperformance:\n  batch:\n  io_timeout:\ntls:\n",
      ".hidden.yaml": "[",
    });
    expect(settings.server.port).toBe(8080);
    expect(settings.performance.io_timeout).toBe(5000);
  });

  test("a folder that somebody named has to exist", () => {
    const missing = join(folder(), "nowhere");
    expect(() => loadConfig({ dir: missing, env: {}, definitions })).toThrow(`${missing}  does not exist`);
    expect(() => loadConfig({ env: { CLAWDBOT_CONFIG: missing }, definitions })).toThrow(`${missing}  does not exist`);
    expect(() => loadConfig({ dir: folder(), permissions: missing, env: {}, definitions })).toThrow(`${missing}  does not exist`);
  });
});

describe("the blocks of the article", () => {
  test("performance is read as printed", () => {
    const { settings } = load(`performance:
  worker_threads: 8 # 建议设置为CPU核心数的1.5倍
  io_timeout: 5000 # 单位毫秒
  max_queue_size: 10000 # 消息队列缓冲大小
  batch:
    enabled: true # 启用批量处理
    size: 50 # 每批处理消息数
    interval: 100 # 批处理间隔(ms)
`);
    expect(settings.performance).toMatchObject({
      worker_threads: 8,
      io_timeout: 5000,
      max_queue_size: 10_000,
      batch: { enabled: true, size: 50, interval: 100 },
    });
  });

  test("storage with sqlite is read as printed", () => {
    expect(load("storage:\n  type: sqlite\n  path: /data/clawdbot.db\n").settings.storage.path).toBe("/data/clawdbot.db");
  });

  test("wechat_enterprise with its placeholders filled in is read as printed, the number as text", () => {
    const [channel] = load(wechat).settings.channels;
    expect(channel).toMatchObject({ key: "wechat_enterprise", enabled: true });
    expect(channel!.accounts.get("default")).toMatchObject({ agent_id: "1000002", token: "OPENCLAW", retry_timeout: 5000 });
  });

  test("wechat_enterprise with its placeholders is refused, and the lines are named", () => {
    const printed = `wechat_enterprise:
  corp_id: "wwxxxxxxxxxxxxxx"
  secret: "4X2F...(实际使用时需填写完整)"
  agent_id: 1000002
  token: "OPENCLAW"
  encoding_aes_key: "jWmYm7qr5nMoAUwZRjGtBxmz3KA1tkAj3ykkR6q2BvC"
`;
    expect(problems({ "wechat.yaml": printed })).toMatchInlineSnapshot(`
      "config/wechat.yaml:2:12  wechat_enterprise.corp_id: is a placeholder: put the real value here
        2 |   corp_id: ***
          |            ^^^
      config/wechat.yaml:3:11  wechat_enterprise.secret: is a placeholder: put the real value here
        3 |   secret: ***
          |           ^^^"
    `);
    expect(problems({ "wechat.yaml": printed }, { language: "zh" })).toMatchInlineSnapshot(`
      "config/wechat.yaml:2:12  wechat_enterprise.corp_id: 还是示例里的占位符：请填写真实的值
        2 |   corp_id: ***
          |            ^^^
      config/wechat.yaml:3:11  wechat_enterprise.secret: 还是示例里的占位符：请填写真实的值
        3 |   secret: ***
          |           ^^^"
    `);
    expect(problems({ "wechat.yaml": `${printed}  enabled: false\n` })).toBe("none");
  });

  test("what this version cannot do is refused in so many words, once", () => {
    expect(
      problems('storage:\n  type: postgresql\n  dsn: "postgres://user:pass@pg-host:5432/clawdbot"\n  pool_size: 20\n'),
    ).toMatchInlineSnapshot(`
      "config/gateway.yaml:2:9  storage.type: only sqlite is available in this version. Use type: sqlite, or leave the section out
        2 |   type: postgresql
          |         ^^^^^^^^^^"
    `);
    expect(
      problems(
        'storage:\n  type: mongodb\n  uri: "mongodb://user:pass@mongo1:27017,mongo2:27017/clawdbot?replicaSet=rs0"\n  write_concern: "majority"\n',
      ),
    ).toMatchInlineSnapshot(`
      "config/gateway.yaml:2:9  storage.type: only sqlite is available in this version. Use type: sqlite, or leave the section out
        2 |   type: mongodb
          |         ^^^^^^^"
    `);
    expect(
      problems(`cluster:
  enabled: true
  nodes:
    - host: node1.cluster.internal
      port: 6771
    - host: node2.cluster.internal
      port: 6771
  redis: "redis://redis-ha:6379/0"
`),
    ).toMatchInlineSnapshot(`
      "config/gateway.yaml:2:12  cluster.enabled: several nodes need a store that they share, and storage.type is sqlite. Clusters use storage.type postgresql or mongodb, which are not available in this version: set enabled: false and run one daemon
        2 |   enabled: true
          |            ^^^^"
    `);
    expect(
      problems('tls:\n  cert: "/path/to/fullchain.pem"\n  key: "/path/to/privkey.pem"\n  min_version: "TLSv1.3"\n'),
    ).toMatchInlineSnapshot(`
      "config/gateway.yaml:1:1  tls: is not available in this version. Remove this section and let a reverse proxy speak TLS
        1 | tls:
          | ^^^"
    `);
    expect(problems('security:\n  allowed_ips: ["192.168.1.0/24", "10.10.0.0/16"]\n')).toMatchInlineSnapshot(`
      "config/gateway.yaml:2:16  security.allowed_ips: is not available in this version. Remove it and use a firewall for now
        2 |   allowed_ips: ["192.168.1.0/24", "10.10.0.0/16"]
          |                ^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^"
    `);
    expect(problems("rules: []\nmodels: {}\nqueue:\n  type: bullmq\n").match(/not available in this version/g)).toHaveLength(3);
  });

  test("a cluster that is switched off may stay in the file", () => {
    expect(problems("cluster:\n  enabled: false\n  redis: redis://redis-ha:6379/0\n")).toBe("none");
  });

  test("a block that lost its indentation gets one message that says so", () => {
    expect(problems(wechat.replaceAll(/^ +/gm, ""))).toMatchInlineSnapshot(`
      "config/gateway.yaml:2:1  corp_id: belongs under wechat_enterprise: the indentation of this file was lost, as happens when copying from a web page. Put two spaces before every line that belongs to wechat_enterprise, two more for each further level
        2 | corp_id: ***
          | ^^^^^^^"
    `);
    const cluster =
      "cluster:\nenabled: true\nnodes:\n- host: node1.cluster.internal\nport: 6771\n- host: node2.cluster.internal\nport: 6771\n";
    expect(problems(cluster, { language: "zh" })).toMatchInlineSnapshot(`
      "config/gateway.yaml:2:1  enabled: 应该在 cluster 下面：文件的缩进丢失了（从网页复制时常见）。请在属于 cluster 的每一行前加两个空格，再下一级再加两个
        2 | enabled: true
          | ^^^^^^^"
    `);
    const performance = "performance:\nworker_threads: 8\nio_timeout: 5000\nbatch:\nenabled: true\nsize: 50\nserver:\nport: 1\n";
    expect(problems(performance).match(/indentation of this file was lost/g)).toHaveLength(2);
  });
});

describe("a value", () => {
  const file = "server:\n  port: 1001\n  host: localhost\n";

  test("comes from the flag, else the variable, else the file, else the default", () => {
    const env = { CLAWDBOT_SERVER__PORT: "1002" };
    const flags = { "server.port": "1003" };
    const at = ({ settings, origin }: ReturnType<typeof load>) => [settings.server.port, origin("server.port").replace(/.*\/config\//, "")];
    expect(at(load(""))).toEqual([8080, "default"]);
    expect(at(load(file))).toEqual([1001, "gateway.yaml:2:3"]);
    expect(at(load(file, { env }))).toEqual([1002, "CLAWDBOT_SERVER__PORT"]);
    expect(at(load(file, { env, flags }))).toEqual([1003, "--set server.port"]);
    expect(load(file, { env, flags }).settings.server.host).toBe("localhost");
  });

  test("of the data directory comes from its flag, its variable, the file or the default, and the database lies in it", () => {
    const dirs = (options: Parameters<typeof load>[1]) => {
      const { settings, origin } = load("data_dir: /file\n", options);
      return [settings.dataDir, settings.storage.path, origin("data_dir").replace(/.*\/config\//, "")];
    };
    expect(dirs({})).toEqual(["/file", "/file/clawdbot.db", "gateway.yaml:1:1"]);
    expect(dirs({ env: { CLAWDBOT_DATA_DIR: "/env" } })).toEqual(["/env", "/env/clawdbot.db", "CLAWDBOT_DATA_DIR"]);
    expect(dirs({ env: { CLAWDBOT_DATA_DIR: "/env" }, dataDir: "/flag" })).toEqual(["/flag", "/flag/clawdbot.db", "--data-dir"]);
  });

  test("may lie in a file that a variable names, without its last line break", () => {
    const dir = folder({ secret: "s3cret value\n" });
    const env = { CLAWDBOT_WECHAT__SECRET_FILE: join(dir, "secret") };
    const config = load(wechat.replace(/ {2}secret.*\n/, ""), { env });
    expect(config.settings.channels[0]!.accounts.get("default")).toMatchObject({ secret: "s3cret value" });
    expect(config.origin("wechat.secret")).toBe("CLAWDBOT_WECHAT__SECRET_FILE");
    expect(problems(wechat, { env: { CLAWDBOT_WECHAT__SECRET_FILE: join(dir, "none") } })).toBe(
      "CLAWDBOT_WECHAT__SECRET_FILE  wechat.secret: its file cannot be read (ENOENT)",
    );
  });

  test("of a variable or flag is read as YAML would, but a text stays as it is to the letter", () => {
    const env = {
      CLAWDBOT_SECURITY__ADMINS: '["dingtalk:user42", "qq:1"]',
      CLAWDBOT_METRICS__ENABLED: "false",
      CLAWDBOT_WECHAT__TOKEN: "a #b: {c",
      CLAWDBOT_WECHAT__SECRET: "007",
      CLAWDBOT_WECHAT__CORP_ID: "[not, a, list]",
    };
    const { settings } = load(wechat, { env, flags: { "performance.skill_timeout": "2m", "log.level": '"warn"' } });
    expect(settings.security.admins).toEqual(["dingtalk:user42", "qq:1"]);
    expect(settings.metrics.enabled).toBe(false);
    expect(settings.performance.skill_timeout).toBe(120_000);
    expect(settings.log.level).toBe("warn");
    expect(settings.channels[0]!.accounts.get("default")).toMatchObject({ token: "a #b: {c", secret: "007", corp_id: "[not, a, list]" });
  });

  test("in a file takes variables, with defaults, in the type that the key has", () => {
    const text = `server:\n  port: \${PORT}\n  host: \${HOST:-localhost}\n  public_url: https://\${NAME:-bot}.example.com/$\${PORT}\n`;
    const { settings } = load(text, { env: { PORT: "1234", HOST: "" } });
    expect(settings.server).toMatchObject({ port: 1234, host: "localhost", public_url: `https://bot.example.com/\${PORT}` });
    expect(problems(text)).toMatchInlineSnapshot(`
      "config/gateway.yaml:2:9  the variable PORT is not set. Set it, or give a default: \${PORT:-value}
        2 |   port: \${PORT}
          |         ^^^^^^^"
    `);
  });

  test("keeps all the digits of an id", () => {
    const text = wechat.replace("1000002", "-1001234567890123456");
    expect(load(text).settings.channels[0]!.accounts.get("default")).toMatchObject({ agent_id: "-1001234567890123456" });
  });

  test("may be a duration, a size or auto", () => {
    const { settings } = load(`server: { max_body: 2MiB }
performance: { worker_threads: auto, skill_timeout: 1.5s, reply_ttl: 7d, drain_timeout: 0, io_timeout: 500ms }
`);
    expect(settings.server.max_body).toBe(2_097_152);
    expect(settings.performance).toMatchObject({
      worker_threads: availableParallelism(),
      skill_timeout: 1500,
      reply_ttl: 604_800_000,
      drain_timeout: 0,
      io_timeout: 500,
    });
  });

  test("is shown on request, but no secret is", () => {
    const { value, secrets } = load(`${wechat}websocket:\n  tokens:\n    - { name: console, token: abcdefgh }\n`, {
      flags: { "server.public_url": "https://me:pw@x.example" },
    });
    expect(value("server.port")).toBe(8080);
    expect(value("wechat.agent_id")).toBe("1000002");
    expect(value("wechat_enterprise.secret")).toBe("***");
    expect(value("websocket.tokens")).toEqual([{ name: "console", token: "***" }]);
    expect(value("server.public_url")).toBe("https://***@x.example");
    expect(value("server.prot")).toBeUndefined();
    expect(value("constructor")).toBeUndefined();
    expect(JSON.stringify(value(""))).not.toMatch(/4X2F|OPENCLAW|jWmYm|abcdefgh|pw@/);
    expect(secrets.sort()).toEqual([
      "4X2Fabcdefgh",
      "OPENCLAW",
      "abcdefgh",
      "jWmYm7qr5nMoAUwZRjGtBxmz3KA1tkAj3ykkR6q2BvC",
      "ww0123456789abcdef",
    ]);
  });
});

test("a variable that sets nothing is worth a warning, and those without a section are none of our business", () => {
  const env = { CLAWDBOT_SERVER__PROT: "1", CLAWDBOT_LANG: "zh", CLAWDBOT_FAILPOINT: "x", CLAWDBOT___: "", OTHER__NAME: "1" };
  expect(formatProblems(load("", { env }).warnings, "en")).toMatchInlineSnapshot(`
    "CLAWDBOT_SERVER__PROT  sets no known key and was ignored. Did you mean CLAWDBOT_SERVER__PORT?
    CLAWDBOT___  sets no known key and was ignored"
  `);
});

test("the extent counts files and the keys that they set", () => {
  expect(
    load({ "a.yaml": "server: { port: 1, host: localhost }\n", "b.yaml": "performance:\n  batch:\n    size: 2\n", "c.yaml": "" }).extent,
  ).toEqual({
    files: 3,
    keys: 3,
  });
});

test("one file can be given in place of a folder", () => {
  const dir = folder({ "only.yaml": "server:\n  port: 5\n", "other.yaml": "[" });
  const { settings } = loadConfig({ dir: join(dir, "only.yaml"), env: {}, definitions });
  expect([settings.server.port, settings.configDir]).toEqual([5, dir]);
});
