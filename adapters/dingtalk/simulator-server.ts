import type { IncomingMessage, ServerResponse } from "node:http";
import { type Clock, type Fault, PlatformServer, type SentRecord, type Service, sleep } from "clawdbot";
import type { DingtalkConfig } from "./config.ts";
import { type ApiAnswer, createSimulatedNewApi, refusal, type SimulatedNewApi } from "./simulator-api.ts";
import type { SimulatedGateway } from "./simulator-gateway.ts";
import type { SimulatedMessages } from "./simulator-messages.ts";
import { createSimulatedOldApi } from "./simulator-oapi.ts";

const OPEN = "/v1.0/gateway/connections/open";
const TOKEN = "/v1.0/oauth2/accessToken";

export interface SimulatedServer extends Service {
  /** Empty before start. */
  readonly base: string;
  readonly calls: Record<string, number>;
  readonly api: SimulatedNewApi;
  /** How many calls for a connection are being answered, and when each came. */
  readonly opening: { now: number; most: number; at: number[] };
  fault(fault: Fault | null): void;
}

export interface ServerParts {
  config: DingtalkConfig;
  clock: Clock;
  listen: { host: string; port: number };
  rateLimits: boolean;
  gateway: SimulatedGateway;
  messages: SimulatedMessages;
  onSent(record: SentRecord): void;
}

/**
 * All of the platform's hosts on one port. Faults touch calls that send something; "server-error", "reset" and "slow" those that open a
 * stream or get a token too.
 */
export function createSimulatedServer(on: ServerParts): SimulatedServer {
  const { config, clock, gateway } = on;
  const calls: Record<string, number> = {};
  const opening = { now: 0, most: 0, at: [] as number[] };

  const show = (conversation: string, text: string, raw: unknown) =>
    on.onSent({ at: clock.now(), conversation, text, suppressed: false, raw });
  const api = createSimulatedNewApi({ config, clock, show });
  const oldApi = createSimulatedOldApi({ config, clock, rateLimits: on.rateLimits, sessionOf: on.messages.sessionOf, show });

  const server = new PlatformServer({
    listen: on.listen,
    answer: (request, response) => void serve(request, response),
    upgrade: gateway.upgrade,
  });

  async function serve(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const url = new URL(request.url ?? "/", "http://simulator");
    const { pathname: path } = url;
    calls[path] = (calls[path] ?? 0) + 1;
    if (path === OPEN) opened(response);
    const chunks: Buffer[] = [];
    try {
      for await (const chunk of request) chunks.push(chunk as Buffer);
    } catch {
      return;
    }
    const fault = server.takeFault((kind) => isTouched(path, kind));
    const kind = fault?.kind;
    if (kind === "refuse" || kind === "reset") return void request.socket.resetAndDestroy();
    if (kind === "server-error") return void response.writeHead(502, { "content-type": "text/html" }).end("<html>502 Bad Gateway</html>");
    if (kind === "slow") await sleep(clock, fault?.ms ?? 1000);
    const { status, body } = answer(request, url, Buffer.concat(chunks), fault);
    if (kind === "timeout-after-success") return;
    const text = typeof body === "string" ? body : JSON.stringify(body);
    response.writeHead(status, { "content-type": typeof body === "string" ? "application/xml" : "application/json" }).end(text);
  }

  function opened(response: ServerResponse): void {
    opening.at.push(clock.now());
    opening.most = Math.max(opening.most, ++opening.now);
    response.on("close", () => opening.now--);
  }

  function answer(request: IncomingMessage, url: URL, body: Buffer, fault: Fault | undefined): ApiAnswer {
    const kind = fault?.kind;
    const { pathname: path, searchParams: query } = url;
    const isOld = path.startsWith("/robot/") || path === "/media/upload";
    if (kind === "unauthorised") api.expireToken();
    if (kind === "rate-limit" && isOld)
      return ok({ status: 1111, wait: Math.ceil((fault?.ms ?? 5000) / 1000), source: "x5", punish: "deny" });
    if (kind === "rate-limit") return refusal(403, "Forbidden.AccessDenied.QpsLimitForApi", "qps limit");
    if (kind === "error" && isOld) return ok({ errcode: Number(fault?.code ?? -1), errmsg: "simulated" });
    if (kind === "error") return simulatedError(String(fault?.code ?? "500 unknownError"));
    if (path === "/media/upload") return ok(oldApi.upload(query, body, api.isToken));
    const text = body.toString("utf8");
    if (isOld) return ok(oldApi.webhook(path, query, text));
    const given = JSON.parse(text) as Record<string, unknown>;
    if (path === OPEN) return open(request, given);
    if (path === TOKEN) return api.token(given);
    const token = request.headers["x-acs-dingtalk-access-token"];
    return api.call(`${request.method} ${path}`, String(token), given) ?? refusal(404, "InvalidAction.NotFound", "no such API");
  }

  function open(request: IncomingMessage, given: Record<string, unknown>): ApiAnswer {
    if (!request.headers.accept?.includes("application/json")) return { status: 200, body: "<xml><endpoint/></xml>" };
    if (given.clientId !== config.client_id || given.clientSecret !== config.client_secret) return refusal(401, "authFailed", "鉴权失败");
    if (!Array.isArray(given.subscriptions)) return refusal(400, "invalidParameter", "subscriptions invalid");
    return ok({ endpoint: `${server.base.replace("http", "ws")}/connect`, ticket: gateway.ticket() });
  }

  return {
    calls,
    api,
    opening,
    get base() {
      return server.base;
    },
    start: () => server.start(),
    stop: () => server.stop(),
    fault: (fault) => server.fault(fault),
  };
}

function isTouched(path: string, kind: Fault["kind"]): boolean {
  if (path === OPEN || path === TOKEN) return kind === "server-error" || kind === "reset" || kind === "slow";
  return !(path.startsWith("/robot/") && kind === "unauthorised");
}

/** "403 Forbidden.AccessDenied.…": status and code. */
function simulatedError(text: string): ApiAnswer {
  const [status, code = ""] = text.split(" ");
  return refusal(Number(status), code, "simulated");
}

function ok(body: unknown): ApiAnswer {
  return { status: 200, body };
}
