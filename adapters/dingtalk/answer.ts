import { ClawdbotError, type HttpResponse, RateLimitError, RejectedError, UnreachableError } from "clawdbot";

/** "Wait one or two seconds": https://opensource.dingtalk.com/developerpedia/docs/develop/best-practices/retry */
const QPS_PAUSE_MS = 2000;
/** A robot that said more than 20 things in a minute is silenced for ten: https://open.dingtalk.com/document/robots/custom-robot-access */
const ROBOT_PAUSE_MS = 600_000;

type Body = Record<string, unknown>;

/** The new API (api_base): an HTTP status, and for errors { code, message, requestid }. Throws what an error means. */
export function checkApiAnswer(response: HttpResponse): Body {
  const body = parse(response);
  if (response.status >= 200 && response.status < 300 && body) return body;
  const code = String(body?.code ?? "");
  const said = `DingTalk refused${hint(response, body)}`;
  if (response.status === 429 || /QpsLimit|too\.?fast|too\.many/i.test(code)) throw new RateLimitError(QPS_PAUSE_MS, said);
  if (/ApiCountLimit/.test(code)) throw new RejectedError(`${said}: this month's calls are used up`, code);
  if (isTokenRefused(response)) throw new UnreachableError(`${said}: check client_id and client_secret`);
  if (response.status === 403) throw new UnreachableError(`${said}: ask for the permission in the developer console${scopes(body)}`);
  if (response.status === 404) throw new UnreachableError(`${said}: check robot_code`);
  if (response.status === 400 && code) throw new RejectedError(said, code);
  throw apiError("DingTalk failed", response);
}

/** Whether the access token is at fault; a fresh one may help. */
export function isTokenRefused(response: HttpResponse): boolean {
  return response.status === 401 || (response.status === 400 && parse(response)?.code === "InvalidAuthentication");
}

/** An answer that is not the one hoped for, as an error whose effect is unknown. */
export function apiError(what: string, response: HttpResponse): ClawdbotError {
  return new ClawdbotError("CLAWDBOT_ERR_PLATFORM", `${what}${hint(response, parse(response))}`, { retryable: true });
}

/** An operator can cure these without touching the reply. */
const ADVICE: [RegExp, string][] = [
  [/sign not match/i, "check this robot's secret"],
  [/timestamp/i, "check this machine's clock"],
  [/whitelist/i, "add this server's address to the robot's IP list"],
];

const TOKEN_REFUSED = new Set([88, 40014, 42001]);
const TOKEN_UNKNOWN = new Set([300001, 300005, 400101]);
const SPOKE_TOO_FAST = new Set([130101, 410100]);
const FINAL = new Set([310000, 400102, 400106, 400013, 400105, 40004, 40035, 43002, 43004, 90020]);

/** The robot or session that a webhook stands for is not there (any more). Nothing was sent. */
export class UnknownWebhookError extends UnreachableError {}

/**
 * The old API (oapi_base): HTTP 200 with an errcode, 0 for success. Throws what another means; an answer without one is a failure,
 * for the gateway's limiter answers so. https://open.dingtalk.com/document/robots/custom-robot-access
 */
export function checkOldAnswer(response: HttpResponse): Body {
  const body = response.status === 200 ? parse(response) : undefined;
  const said = `DingTalk refused${hint(response, body)}`;
  if (typeof body?.wait === "number" && body.errcode === undefined) throw new RateLimitError(Math.max(1, body.wait) * 1000, said);
  const code = body?.errcode;
  if (body && code === 0) return body;
  if (typeof code !== "number") throw apiError("DingTalk failed", response);
  if (SPOKE_TOO_FAST.has(code)) throw new RateLimitError(ROBOT_PAUSE_MS, said);
  if (code === 90002) throw new RateLimitError(QPS_PAUSE_MS, said);
  if (TOKEN_REFUSED.has(code)) throw new UnreachableError(`${said}: check client_id and client_secret`);
  if (TOKEN_UNKNOWN.has(code)) throw new UnknownWebhookError(`${said}: the access_token or the session is not known`);
  const advice = code === 310000 && ADVICE.find(([pattern]) => pattern.test(String(body?.errmsg)))?.[1];
  if (advice) throw new UnreachableError(`${said}: ${advice}`);
  if (FINAL.has(code)) throw new RejectedError(said, code);
  throw apiError("DingTalk failed", response);
}

/** Whether the access token of a call to the old API is at fault. */
export function isOldTokenRefused(response: HttpResponse): boolean {
  return TOKEN_REFUSED.has(Number(parse(response)?.errcode));
}

function parse(response: HttpResponse): Body | undefined {
  try {
    const body: unknown = JSON.parse(response.body.toString("utf8"));
    return typeof body === "object" && body !== null ? (body as Body) : undefined;
  } catch {
    return undefined;
  }
}

/** Status, the platform's code and text, and the request's id for its support. */
function hint({ status }: HttpResponse, body: Body | undefined): string {
  const words = [body?.code ?? body?.errcode, body?.message ?? body?.errmsg, body?.requestid ?? body?.requestId ?? body?.request_id];
  const said = words.filter((word) => typeof word === "string" || typeof word === "number").join(" ");
  return ` (HTTP ${status}${said && ` ${said.replace(/\s+/g, " ").slice(0, 200)}`})`;
}

function scopes(body: Body | undefined): string {
  const required = (body?.accessdenieddetail as { requiredScopes?: unknown } | undefined)?.requiredScopes;
  return Array.isArray(required) ? ` (${required.join(", ")})` : "";
}
