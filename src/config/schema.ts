import { availableParallelism } from "node:os";
import { z } from "zod";
import { duration, size } from "./units.ts";

/** Every key of the configuration that is not a channel's, with its default and what it means in both languages. */

/** The metadata of a key: `description` is English, so that every tool that reads JSON Schema finds it. */
function about<Schema extends z.ZodType>(schema: Schema, en: string, zh: string): Schema {
  return schema.meta({ description: en, zh }) as Schema;
}

/** A part of later versions: its place in the files is kept, using it is refused aloud. */
function later(en: string, zh: string, hint: { en: string; zh: string }) {
  const refusal = { error: "is not available in this version", params: { zh: "当前版本尚不支持", hint } };
  return about(
    z
      .unknown()
      .refine((value) => value === undefined, refusal)
      .optional(),
    `${en} Not available in this version.`,
    `${zh}当前版本尚不支持。`,
  );
}

const host = z.string().min(1);
const port = z.int().min(0).max(65_535);
const atLeastOne = z.int().min(1);
const REMOVE = { en: "Remove this section", zh: "请删去这一节" };

const server = z.object({
  host: about(
    host.default("127.0.0.1"),
    "Address to listen on. Other than loopback only if every client needs a token.",
    "监听地址。非本机地址要求所有客户端都用令牌。",
  ),
  port: about(
    port.default(8080),
    "Port for callbacks, WebSocket and probes; 0 takes any free one.",
    "回调、WebSocket 和探针的端口；0 表示任选空闲端口。",
  ),
  public_url: about(
    z.url({ protocol: /^https?$/ }).optional(),
    "How platforms reach this daemon from outside, such as https://bot.example.com.",
    "平台从外部访问本服务的地址，例如 https://bot.example.com。",
  ),
  language: about(
    z.enum(["auto", "zh", "en"]).default("auto"),
    "Language of replies when nothing tells the sender's; auto is the channel's own.",
    "无法判断发送者语言时的回复语言；auto 为该渠道的语言。",
  ),
  max_body: about(size({ min: 1024, max: 64 * 2 ** 20 }).prefault("1MiB"), "Largest body of a callback.", "回调请求体的上限。"),
  max_connections_per_address: about(
    atLeastOne.default(1024),
    "Connections that one address may hold at a time.",
    "同一地址可同时保持的连接数。",
  ),
});

const metrics = z.object({
  enabled: about(z.boolean().default(true), "Whether to serve metrics.", "是否提供指标。"),
  host: about(
    host.default("127.0.0.1"),
    "Address of the metrics port; they are served to everybody who reaches it.",
    "指标端口的地址；能访问它的人都能看到指标。",
  ),
  port: about(
    port.default(9091),
    "Port of /metrics in the Prometheus text format; 0 takes any free one.",
    "/metrics（Prometheus 文本格式）的端口；0 表示任选空闲端口。",
  ),
  legacy_names: about(
    z.boolean().default(true),
    "Also serve clawdbot_messages_in, clawdbot_skills_latency and clawdbot_errors.",
    "同时提供 clawdbot_messages_in、clawdbot_skills_latency、clawdbot_errors。",
  ),
});

const STORAGE_LATER = ["dsn", "pool_size", "uri", "write_concern"] as const;
const ofServer = (type: string, schema: z.ZodType) =>
  about(schema.optional(), `Of storage type ${type}, which is not available in this version.`, `用于 ${type}，当前版本尚不支持。`);

const storage = z
  .object({
    type: about(
      z
        .enum(["sqlite", "postgresql", "postgres", "mongodb"])
        .default("sqlite")
        .refine((type) => type === "sqlite", {
          error: "only sqlite is available in this version",
          params: {
            zh: "当前版本只支持 sqlite",
            hint: { en: "Use type: sqlite, or leave the section out", zh: "请写 type: sqlite，或删去这一节" },
          },
        }),
      "Where messages are kept. Only sqlite in this version.",
      "消息存在哪里。当前版本只支持 sqlite。",
    ),
    path: about(
      z.string().min(1).optional(),
      "The SQLite file; default: clawdbot.db in data_dir.",
      "SQLite 文件；默认为 data_dir 下的 clawdbot.db。",
    ),
    retention_days: about(
      z.int().min(7).max(3650).default(30),
      "How long handled messages are kept; for as long, one that comes again is recognised.",
      "已处理的消息保留几天；期间重复到达的消息能被识别。",
    ),
    dsn: ofServer("postgresql", z.string()).meta({ secret: true }),
    pool_size: ofServer("postgresql", z.int()),
    uri: ofServer("mongodb", z.string()).meta({ secret: true }),
    write_concern: ofServer("mongodb", z.string()),
  })
  .superRefine((given, context) => {
    if (given.type !== "sqlite") return;
    for (const key of STORAGE_LATER) {
      if (given[key] === undefined) continue;
      context.addIssue({
        code: "custom",
        path: [key],
        message: "has no meaning for storage.type sqlite",
        params: { zh: "对 storage.type sqlite 没有意义" },
      });
    }
  });

const cluster = z
  .object({
    enabled: about(z.boolean().default(false), "Whether this daemon is one of several nodes.", "是否为多节点之一。"),
    nodes: about(z.array(z.object({ host, port })).optional(), "Some of the other nodes.", "其他节点（部分即可）。"),
    redis: about(z.string().optional(), "The Redis that the nodes share.", "各节点共用的 Redis。"),
  })
  .refine((given) => !given.enabled, {
    path: ["enabled"],
    error: "several nodes need a store that they share, and storage.type is sqlite",
    params: {
      zh: "多节点需要共享的存储，而 storage.type 是 sqlite",
      hint: {
        en: "Clusters use storage.type postgresql or mongodb, which are not available in this version: set enabled: false and run one daemon",
        zh: "集群要用 storage.type postgresql 或 mongodb，当前版本尚不支持：请写 enabled: false，只运行一个守护进程",
      },
    },
  });

const performance = z
  .object({
    worker_threads: about(
      z
        .union([z.literal("auto"), z.int().min(1).max(4096)])
        .default(32)
        .transform((count) => (count === "auto" ? availableParallelism() : count)),
      "Conversations handled at a time; auto is the number of cores.",
      "同时处理的会话数；auto 为 CPU 核数。",
    ),
    max_deliveries: about(z.int().min(1).max(4096).default(64), "Replies being sent at a time.", "同时发送的回复数。"),
    max_queue_size: about(
      atLeastOne.default(10_000),
      "Accepted messages that may wait; beyond it new ones are refused.",
      "已接收、等待处理的消息上限；超过则拒收。",
    ),
    max_outbox_size: about(
      atLeastOne.optional(),
      "Undelivered replies that may wait; default: ten times max_queue_size.",
      "未送达回复的上限；默认为 max_queue_size 的十倍。",
    ),
    max_attempts: about(
      z.int().min(1).max(100).default(5),
      "How often a message or a reply is tried before it becomes a dead letter.",
      "消息或回复最多尝试几次，之后成为死信。",
    ),
    skill_timeout: about(duration().prefault("30s"), "How long a skill may take for one message.", "技能处理一条消息的时限。"),
    io_timeout: about(duration().prefault("5s"), "How long one outbound call may take.", "一次外部调用的时限。"),
    reply_ttl: about(
      duration({ max: 31 * 86_400_000 }).prefault("24h"),
      "How long a reply is tried while its platform is out of reach.",
      "平台不可达时，回复保留重试多久。",
    ),
    drain_timeout: about(
      duration({ min: 0 }).prefault("7s"),
      "How long SIGTERM waits for running skills and sends.",
      "收到 SIGTERM 后等待进行中的处理和发送多久。",
    ),
    batch: about(
      z
        .object({
          enabled: about(
            z.boolean().default(true),
            "Whether messages that arrive together share one write to disk.",
            "同时到达的消息是否共用一次写盘。",
          ),
          size: about(z.int().min(1).max(10_000).default(256), "Most of them in one write.", "一次最多写多少条。"),
          interval: about(
            duration({ min: 0, max: 10_000 }).prefault(0),
            "How long to wait for more; 0 waits for none and is fast already.",
            "为凑批等待多久；0 表示不等，已足够快。",
          ),
        })
        .prefault({}),
      "Group commit.",
      "批量提交。",
    ),
  })
  .transform((given) => ({ ...given, max_outbox_size: given.max_outbox_size ?? 10 * given.max_queue_size }));

const log = z.object({
  level: about(z.enum(["debug", "info", "warn", "error"]).default("info"), "The least important level that is logged.", "记录的最低级别。"),
  file: about(
    z.boolean().default(true),
    "Whether to keep the log in data_dir as well, for clawdbot log show.",
    "是否同时写入 data_dir，供 clawdbot log show 使用。",
  ),
});

const router = z.object({
  default: about(
    z.string().min(1).default("help"),
    "The skill that answers a text addressed to the bot that no other skill took; none = nobody.",
    "对机器人说的文字没有其他技能接手时由它回答；none 表示不回答。",
  ),
});

const admin = z.string().refine((text) => /^[^:\s]+:\S+$/.test(text), {
  error: "must be channel:id, the name of a channel and a user's id there",
  params: { zh: "必须写作 channel:id，即渠道名和该渠道上的用户 id" },
});

const security = z.object({
  admins: about(
    z.array(admin).default([]),
    "Administrators, as channel:id, beside those whom the platform itself calls so.",
    "管理员，写作 channel:id；平台自己标明的管理员不必列出。",
  ),
  rate_limit_scope: about(
    z.enum(["user", "conversation"]).default("user"),
    "Whether rate_limit in permissions.yaml counts each user or each conversation.",
    "permissions.yaml 的 rate_limit 按用户还是按会话计数。",
  ),
  allowed_ips: later("Addresses that may use the admin and API ports.", "可访问管理和 API 端口的地址。", {
    en: "Remove it and use a firewall for now",
    zh: "请先删去，改用防火墙",
  }),
});

export const coreSchema = z.object({
  data_dir: about(
    z.string().min(1).default("./data"),
    "Folder of the database, the log and the admin socket.",
    "数据库、日志和管理套接字所在的目录。",
  ),
  server: about(server.prefault({}), "The HTTP port.", "HTTP 端口。"),
  metrics: about(metrics.prefault({}), "Metrics for Prometheus.", "Prometheus 指标。"),
  storage: about(storage.prefault({}), "Where messages are kept.", "消息存在哪里。"),
  performance: about(performance.prefault({}), "Limits and time-outs.", "上限和时限。"),
  log: about(log.prefault({}), "The log.", "日志。"),
  router: about(router.prefault({}), "Which skill answers.", "由哪个技能回答。"),
  security: about(security.prefault({}), "Who may do what.", "谁可以做什么。"),
  cluster: about(cluster.prefault({}), "Several nodes; not available in this version.", "多节点；当前版本尚不支持。"),
  queue: later("The queue between nodes.", "节点之间的队列。", REMOVE),
  tls: later("Certificates of the HTTP port.", "HTTP 端口的证书。", {
    en: "Remove this section and let a reverse proxy speak TLS",
    zh: "请删去这一节，由反向代理处理 TLS",
  }),
  rules: later("Routing rules.", "路由规则。", REMOVE),
  models: later("Language models.", "语言模型。", REMOVE),
});
