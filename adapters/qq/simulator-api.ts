import type { IncomingMessage, ServerResponse } from "node:http";
import { type Clock, type Fault, PlatformServer, type Service, sleep } from "clawdbot";
import type { QqConfig } from "./config.ts";
import { isObject } from "./event.ts";
import { type Answer, refusal } from "./simulator-answer.ts";
import type { SimulatedFiles } from "./simulator-files.ts";
import type { SimulatedGateway } from "./simulator-gateway.ts";
import type { SimulatedMessages } from "./simulator-messages.ts";

const TOKEN_SECONDS = 7200;
/** Only in its last seconds a token is followed by another, and both are good then. */
const OVERLAP_MS = 60_000;
/** Faults that need a token to make sense touch sends alone. */
const OF_SENDS = new Set<Fault["kind"]>(["error", "unauthorised", "rate-limit", "timeout-after-success"]);

export interface SimulatedApiOptions {
  config: QqConfig;
  clock: Clock;
  listen: { host: string; port: number };
  messages: SimulatedMessages;
  files: SimulatedFiles;
  gateway: () => SimulatedGateway;
}

/** The platform's HTTP side: tokens, the gateway's address, and the calls of messages.ts and files.ts. */
export class SimulatedApi implements Service {
  readonly calls: Record<string, number> = {};
  /** What GET /gateway/bot says is left of today's logins. */
  loginsLeft = 1000;
  readonly #on: SimulatedApiOptions;
  readonly #server: PlatformServer;
  readonly #tokens = new Map<string, number>();
  #tokenCount = 0;

  constructor(on: SimulatedApiOptions) {
    this.#on = on;
    this.#server = new PlatformServer({
      listen: on.listen,
      answer: (request, response) => void this.#serve(request, response),
      upgrade: (request, socket, head) => on.gateway().upgrade(request, socket, head),
    });
  }

  /** Empty before start. */
  get base(): string {
    return this.#server.base;
  }

  count(call: string): void {
    this.calls[call] = (this.calls[call] ?? 0) + 1;
  }

  isToken(token: string): boolean {
    return this.#on.clock.now() < (this.#tokens.get(token) ?? 0);
  }

  start(): Promise<void> {
    return this.#server.start();
  }

  stop(): Promise<void> {
    return this.#server.stop();
  }

  fault(next: Fault | null): void {
    this.#server.fault(next);
  }

  async #serve(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const { pathname } = new URL(request.url ?? "/", "http://simulator");
    const chunks: Buffer[] = [];
    try {
      for await (const chunk of request) chunks.push(chunk as Buffer);
    } catch {
      return;
    }
    const call = nameOf(request.method!, pathname);
    this.count(call);
    const fault = this.#server.takeFault((kind) => call === "messages" || !OF_SENDS.has(kind));
    const kind = fault?.kind;
    if (kind === "refuse" || kind === "reset") return void request.socket.resetAndDestroy();
    if (kind === "server-error") return void response.writeHead(502, { "content-type": "text/html" }).end("<html>502 Bad Gateway</html>");
    if (kind === "slow") await sleep(this.#on.clock, fault?.ms ?? 1000);
    const { status, body, headers } = this.#answer(request, pathname, Buffer.concat(chunks), fault);
    if (kind === "timeout-after-success") return;
    const text = status === 204 ? "" : JSON.stringify(body);
    response.writeHead(status, { "content-type": "application/json", "x-tps-trace-id": "simulated-trace", ...headers }).end(text);
  }

  #answer(request: IncomingMessage, path: string, raw: Buffer, fault: Fault | undefined): Answer {
    const part = /^\/simulated-store\/([^/]+)\/(\d+)$/.exec(path);
    if (part) return this.#on.files.put(part[1]!, Number(part[2]), raw);
    const body = parsed(raw);
    if (path === "/app/getAppAccessToken") return this.#accessToken(body);
    if (fault?.kind === "unauthorised") this.#tokens.clear();
    if (fault?.kind === "rate-limit") return tooFast(fault.ms);
    if (fault?.kind === "error") return coded(Number(fault.code ?? 50055001));
    const token = /^QQBot (.+)$/.exec(request.headers.authorization ?? "")?.[1];
    if (!token || !this.isToken(token)) return refusal(11244, "token not exist or expire", 401);
    return this.#call(request.method!, path, body);
  }

  #call(method: string, path: string, body: Record<string, unknown>): Answer {
    const { files, messages } = this.#on;
    if (method === "GET" && (path === "/gateway" || path === "/gateway/bot")) {
      const session_start_limit = { total: 1000, remaining: this.loginsLeft, reset_after: 600_000, max_concurrency: 1 };
      return { status: 200, body: { url: `${this.base.replace("http", "ws")}/websocket/`, shards: 1, session_start_limit } };
    }
    if (method === "PUT" && path.startsWith("/interactions/")) return { status: 204, body: {} };
    const [, kind, id = "", what] = /^\/(v2\/users|v2\/groups|channels|dms)\/([^/]+)\/(\w+)$/.exec(path) ?? [];
    const scene = kind === "v2/users" ? "direct" : kind === "v2/groups" ? "group" : "guild";
    const openid = decodeURIComponent(id);
    if (method !== "POST" || kind === undefined) return { status: 404, body: { message: "not found", code: 404 } };
    if (what === "messages") {
      const prefix = kind === "channels" ? "channel:" : kind === "dms" ? "dm:" : "";
      return messages.take(scene, prefix + openid, body);
    }
    if (what === "files") return files.add(scene, body);
    if (what === "upload_prepare") return files.prepare(this.base, body);
    return what === "upload_part_finish" ? files.finishPart(body) : { status: 404, body: { message: "not found", code: 404 } };
  }

  /** Refuses with HTTP 200, gives everybody the same token, and says its remaining life as a string. */
  #accessToken({ appId, clientSecret }: Record<string, unknown>): Answer {
    const { config, clock } = this.#on;
    if (appId !== config.app_id) return { status: 200, body: { code: 100007, message: "appid invalid" } };
    if (clientSecret !== config.secret) return { status: 200, body: { code: 100016, message: "invalid appid or secret" } };
    let [token, until] = [...this.#tokens].at(-1) ?? ["", 0];
    if (until - clock.now() <= OVERLAP_MS) {
      token = `simulated-token-${++this.#tokenCount}-${clock.now().toString(36)}`;
      until = clock.now() + TOKEN_SECONDS * 1000;
      this.#tokens.set(token, until);
    }
    return { status: 200, body: { access_token: token, expires_in: String(Math.floor((until - clock.now()) / 1000)) } };
  }
}

function tooFast(ms: number | undefined): Answer {
  return {
    ...refusal(22009, "msg limit exceed", 429),
    ...(ms !== undefined && { headers: { "retry-after": String(Math.ceil(ms / 1000)) } }),
  };
}

/** Messages in audit are neither a success nor an error. */
function coded(code: number): Answer {
  if (code !== 304023 && code !== 304024) return refusal(code, "simulated");
  const { body } = refusal(code, "push message is waiting for audit now");
  return { status: 202, body: { ...body, data: { message_audit: { audit_id: "simulated-audit" } } } };
}

function nameOf(method: string, path: string): string {
  if (path.startsWith("/interactions/")) return "interactions";
  if (path.startsWith("/simulated-store/")) return "put";
  const last = path.split("/").at(-1)!;
  return path.startsWith("/gateway") ? "gateway" : method === "POST" ? last : `${method} ${last}`;
}

function parsed(raw: Buffer): Record<string, unknown> {
  try {
    const body: unknown = JSON.parse(raw.toString("utf8"));
    return isObject(body) ? body : {};
  } catch {
    return {};
  }
}
