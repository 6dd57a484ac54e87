import type { IncomingMessage, ServerResponse } from "node:http";
import { type Clock, type Fault, PlatformServer, type SentRecord, type Service, sleep } from "clawdbot";
import type { WecomConfig } from "./config.ts";

const TOKEN_PREFIX = "simulated-token-";
const TOKEN_SECONDS = 7200;
const MAX_BYTES = 2048;
const MEMBER_PER_MINUTE = 30;
/** How many earlier messages the check for duplicates remembers. */
const MEMORY = 100_000;
/** Faults that need a token to make sense. */
const OF_SENDS = new Set<Fault["kind"]>(["error", "unauthorised", "rate-limit", "timeout-after-success"]);

interface SendBody {
  touser?: string;
  msgtype?: string;
  agentid?: number;
  enable_duplicate_check?: number;
  duplicate_check_interval?: number;
  [msgtype: string]: unknown;
}

export interface SimulatedApi extends Service {
  /** Empty before start. */
  readonly base: string;
  readonly calls: Record<string, number>;
  fault(fault: Fault | null): void;
}

export interface SimulatedApiOptions {
  config: WecomConfig;
  clock: Clock;
  listen: { host: string; port: number };
  /** Drops what is more than 30 a minute to one member, without a word, as the platform does. */
  rateLimits: boolean;
  onSent(record: SentRecord): void;
}

/**
 * The server side of gettoken and message/send, with its checks in the platform's order. Faults with a code of the platform touch
 * calls that carry a token, the others any call. https://developer.work.weixin.qq.com/document/path/90236
 */
export function createSimulatedApi(options: SimulatedApiOptions): SimulatedApi {
  const { config, clock } = options;
  const calls: Record<string, number> = {};
  const lastSent = new Map<string, number>();
  const minutes = new Map<string, { minute: number; count: number }>();
  let tokens = 1;
  // A simulator that is started again goes on as the platform would: the token that a daemon still holds is good.
  let token: { value: string; expiresAt: number } | undefined = {
    value: `${TOKEN_PREFIX}1`,
    expiresAt: clock.now() + TOKEN_SECONDS * 1000,
  };
  let messages = 0;

  const server = new PlatformServer({ listen: options.listen, answer: (request, response) => void serve(request, response) });

  async function serve(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const url = new URL(request.url ?? "/", "http://simulator");
    const call = url.pathname.replace("/cgi-bin/", "");
    const chunks: Buffer[] = [];
    try {
      for await (const chunk of request) chunks.push(chunk as Buffer);
    } catch {
      return;
    }
    calls[call] = (calls[call] ?? 0) + 1;
    const fault = server.takeFault((kind) => call !== "gettoken" || !OF_SENDS.has(kind));
    const kind = fault?.kind;
    if (kind === "refuse" || kind === "reset") return void request.socket.resetAndDestroy();
    if (kind === "server-error") return void response.writeHead(502, { "content-type": "text/html" }).end("<html>502 Bad Gateway</html>");
    if (kind === "slow") await sleep(clock, fault?.ms ?? 1000);
    const body = Buffer.concat(chunks).toString("utf8");
    const answer = call === "gettoken" ? getToken(url.searchParams) : send(url.searchParams.get("access_token"), body, fault);
    if (kind === "timeout-after-success") return;
    const text = JSON.stringify(answer);
    response.writeHead(200, { "content-type": "application/json; charset=UTF-8", "content-length": Buffer.byteLength(text) }).end(text);
  }

  function getToken(query: URLSearchParams): unknown {
    if (query.get("corpid") !== config.corp_id) return refusal(40013, "invalid corpid");
    if (query.get("corpsecret") !== config.secret) return refusal(40001, "invalid credential");
    if (!token || clock.now() >= token.expiresAt) {
      token = { value: `${TOKEN_PREFIX}${++tokens}`, expiresAt: clock.now() + TOKEN_SECONDS * 1000 };
    }
    return { errcode: 0, errmsg: "ok", access_token: token.value, expires_in: Math.ceil((token.expiresAt - clock.now()) / 1000) };
  }

  function send(accessToken: string | null, text: string, fault: Fault | undefined): unknown {
    const kind = fault?.kind;
    if (kind === "unauthorised") token = undefined;
    if (kind === "error") return refusal(Number(fault?.code ?? -1), "simulated");
    if (kind === "rate-limit") return refusal(45009, "api freq out of limit");
    if (!accessToken) return refusal(41001, "access_token missing");
    if (accessToken !== token?.value || clock.now() >= token.expiresAt) {
      return accessToken.startsWith(TOKEN_PREFIX) ? refusal(42001, "access_token expired") : refusal(40014, "invalid access_token");
    }
    let body: SendBody;
    try {
      body = JSON.parse(text) as SendBody;
    } catch {
      return refusal(47001, "data format error");
    }
    return take(body);
  }

  function take(body: SendBody): unknown {
    if (body.agentid === undefined) return refusal(40056, "invalid agentid");
    if (body.agentid !== config.agent_id) return refusal(301002, "not allow operate another agent with this accesstoken");
    const users = (body.touser ?? "").split("|").filter(Boolean);
    if (users.length === 0) return refusal(82001, "touser, toparty and totag are all empty");
    const invalid = users.filter((user) => user.startsWith("invalid"));
    if (invalid.length === users.length) return refusal(81013, "user & party & tag all invalid");
    const content = body[body.msgtype ?? ""] as { content?: string; media_id?: string } | undefined;
    if (!content) return refusal(40008, "invalid message type");
    const isText = body.msgtype === "text" || body.msgtype === "markdown";
    if (isText && !content.content) return refusal(44004, "empty content");
    if (!isText && !content.media_id) return refusal(40007, "invalid media_id");
    for (const user of users)
      if (!invalid.includes(user)) show(user, isText ? content.content! : `[${body.msgtype} ${content.media_id}]`, body);
    const unlicensed = users.filter((user) => user.startsWith("unlicensed"));
    return {
      errcode: 0,
      errmsg: "ok",
      msgid: `simulated-${++messages}`,
      ...(invalid.length > 0 && { invaliduser: invalid.join("|") }),
      ...(unlicensed.length > 0 && { unlicenseduser: unlicensed.join("|") }),
    };
  }

  /** Puts a message before a user; unless it is a duplicate, or one too many. */
  function show(user: string, content: string, body: SendBody): void {
    const now = clock.now();
    const key = `${user}\n${body.msgtype}\n${content}`;
    const before = lastSent.get(key);
    const window = (body.duplicate_check_interval ?? 1800) * 1000;
    const suppressed = body.enable_duplicate_check === 1 && before !== undefined && now - before <= window;
    if (!suppressed && options.rateLimits && isOneTooMany(user, now)) {
      calls.dropped = (calls.dropped ?? 0) + 1;
      return;
    }
    lastSent.delete(key);
    lastSent.set(key, now);
    if (lastSent.size > MEMORY) lastSent.delete(lastSent.keys().next().value!);
    const [text, cut] = cutToBytes(content);
    options.onSent({ at: now, conversation: user, text, suppressed, raw: cut ? { ...body, cut } : body });
  }

  function isOneTooMany(user: string, now: number): boolean {
    const minute = Math.floor(now / 60_000);
    const used = minutes.get(user);
    if (used?.minute === minute) return ++used.count > MEMBER_PER_MINUTE;
    minutes.set(user, { minute, count: 1 });
    return false;
  }

  return {
    calls,
    get base() {
      return server.base;
    },
    start: () => server.start(),
    stop: () => server.stop(),
    fault: (fault) => server.fault(fault),
  };
}

function refusal(errcode: number, errmsg: string): unknown {
  return {
    errcode,
    errmsg: `${errmsg}, hint: [1700000000_simulated], more info at https://open.work.weixin.qq.com/devtool/query?e=${errcode}`,
  };
}

/** The platform shows the first 2,048 bytes and drops the rest. */
function cutToBytes(text: string): [shown: string, cut: string] {
  if (text.length * 3 <= MAX_BYTES) return [text, ""];
  const bytes = Buffer.from(text);
  return [bytes.toString("utf8", 0, MAX_BYTES), bytes.toString("utf8", MAX_BYTES)];
}
