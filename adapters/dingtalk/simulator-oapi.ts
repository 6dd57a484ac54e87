import type { Clock } from "clawdbot";
import type { DingtalkConfig } from "./config.ts";
import { generateSign } from "./sign.ts";
import { PER_MINUTE } from "./webhooks.ts";

const MINUTE_MS = 60_000;
const SILENCED_MS = 600_000;
const MAX_BYTES = 20_000;
const SIGN_WINDOW_MS = 3_600_000;

export interface SimulatedOldApi {
  /** robot/sendBySession and robot/send. */
  webhook(path: string, query: URLSearchParams, text: string): unknown;
  upload(query: URLSearchParams, body: Buffer, isToken: (token: string | null) => boolean): unknown;
}

export interface OldApiParts {
  config: DingtalkConfig;
  clock: Clock;
  /** Enforces twenty messages a minute. */
  rateLimits: boolean;
  sessionOf(session: string): string | undefined;
  show(conversation: string, text: string, raw: unknown): void;
}

/** The old API: HTTP 200 whatever happens. https://open.dingtalk.com/document/robots/custom-robot-access */
export function createSimulatedOldApi(on: OldApiParts): SimulatedOldApi {
  const { config, clock } = on;
  const used = new Map<string, { times: number[]; silentUntil: number }>();
  let uploads = 0;

  function isTooFast(robot: string): boolean {
    const now = clock.now();
    const known = used.get(robot) ?? { times: [], silentUntil: 0 };
    used.set(robot, known);
    if (now < known.silentUntil) return true;
    known.times = [...known.times.filter((at) => at > now - MINUTE_MS), now];
    if (known.times.length <= PER_MINUTE) return false;
    known.silentUntil = now + SILENCED_MS;
    return true;
  }

  function target(path: string, query: URLSearchParams): { conversation: string } | { refused: unknown } {
    if (path === "/robot/sendBySession") {
      const conversation = on.sessionOf(query.get("session") ?? "");
      return conversation === undefined ? { refused: refusal(300001, "session 不存在") } : { conversation };
    }
    const found = Object.entries(config.webhooks).find(([, { access_token }]) => access_token === query.get("access_token"));
    if (!found) return { refused: refusal(300005, "token is not exist") };
    const [name, { secret }] = found;
    const time = Number(query.get("timestamp"));
    if (secret !== undefined) {
      if (Math.abs(clock.now() - time) > SIGN_WINDOW_MS) return { refused: refusal(310000, "invalid timestamp") };
      const right = decodeURIComponent(generateSign(secret, time).sign);
      if (query.get("sign") !== right) return { refused: refusal(310000, "sign not match, more: [https://ding-doc.dingtalk.com]") };
    }
    return { conversation: `webhook:${name}` };
  }

  return {
    webhook(path, query, text) {
      const to = target(path, query);
      if ("refused" in to) return to.refused;
      const isCounted = path === "/robot/send" || to.conversation.startsWith("cid");
      if (on.rateLimits && isCounted && isTooFast(to.conversation)) return refusal(130101, "send too fast, exceed 20 times per minute");
      if (Buffer.byteLength(text) > MAX_BYTES) return refusal(460101, "message too long, exceed 20000 bytes");
      const body = JSON.parse(text) as Record<string, unknown>;
      const shown = textOf(body);
      if (shown === undefined) return refusal(400105, "unsupported msgtype");
      if (shown === "") return refusal(40035, "缺少参数 content");
      on.show(to.conversation, shown, body);
      return { errcode: 0, errmsg: "ok" };
    },
    upload(query, body, isToken) {
      if (!isToken(query.get("access_token"))) return refusal(40014, "不合法的access_token");
      const type = query.get("type");
      if (type !== "image" && type !== "file") return refusal(40004, "不合法的媒体文件类型");
      if (!body.includes('name="media"; filename="')) return refusal(40035, "缺少参数 media");
      return { errcode: 0, errmsg: "ok", media_id: `@simulated-${++uploads}`, type, created_at: clock.now() };
    },
  };
}

function textOf(body: Record<string, unknown>): string | undefined {
  const part = body[String(body.msgtype)] as { content?: string; text?: string } | undefined;
  return part && (part.content ?? part.text ?? "");
}

function refusal(errcode: number, errmsg: string): unknown {
  return { errcode, errmsg };
}
