import { ClawdbotError, type HttpResponse, RateLimitError, RejectedError, UnreachableError } from "clawdbot";

export type Body = Record<string, unknown>;

/** Waits that the platform asks for without saying how long. */
const TOO_FAST_MS = 5000;
const QUOTA_MS = 60_000;

const REFUSED_TOKENS = new Set([11241, 11242, 11243, 11244, 11251, 11252, 11253, 11254, 11261, 11262, 11263, 11264, 11265]);
const QUOTAS = new Set([22006, 22009, 20028, 40034100]);
const AUDITED = new Set([304023, 304024]);

/** The message that a reply answers cannot be answered any more. */
const WINDOW_CLOSED = new Set([40034005, 40034024, 40034025, 40034026, 40034027, 40034128]);
const MARKDOWN_REFUSED = new Set([40034008, 40034009, 40034010, 40034011, 40034124, 40034127]);
const URL_REFUSED = new Set([304003, 40054010]);
const MEDIA_REFUSED = new Set([40034004]);
const DUPLICATE = 40054005;

/** The reply or its recipient is at fault: nothing that the platform would take later. */
const FINAL = new Map([
  [40034006, "the content violates the platform's rules"],
  [40034029, "the keyboard is too large"],
  [40034101, "the bot is not in that group"],
  [40034102, "the bot may not push messages: it can only reply, within the reply window"],
  [40034105, "the bot may not push messages: it can only reply, within the reply window"],
  [40034106, "the rules for recalling a user forbid it"],
  [40034108, "the rules for recalling a user forbid it"],
  [40034109, "the rules for recalling a user forbid it"],
  [40034122, "the rules for recalling a user forbid it"],
  [40034123, "the rules for recalling a user forbid it"],
  [40054002, "the bot is muted there"],
  [40054003, "the bot is not in that group"],
  [40054004, "the user has not added the bot"],
  [40054007, "the text is too long"],
  [40054013, "the user refuses messages from the bot"],
  [40054018, "the text is too long"],
  [304004, "the bot may not send there"],
  [304018, "the file was not found"],
  [304036, "the template is not the bot's"],
  [304037, "the template is not the bot's"],
  [304049, "the day's pushes in this channel are used up"],
  [304050, "the day's pushes in this channel are used up"],
]);

/** An operator can cure these without touching the reply: nothing was sent, and it is worth trying again. */
const CURABLE = new Map([
  [11281, "the bot has no right to this API: apply for it in the console (q.qq.com)"],
  [11282, "the bot has no right to this API: apply for it in the console (q.qq.com)"],
  [40054016, "the bot is offline: see the console (q.qq.com)"],
]);

/** A refusal that another form of the same reply, or another way to send it, may get around. */
export class RefusedForm extends UnreachableError {
  readonly because: "window" | "markdown" | "url" | "media" | "duplicate";

  constructor(because: RefusedForm["because"], message: string) {
    super(message);
    this.because = because;
  }
}

/** The bot as a whole calls too often. */
export class TooFastError extends RateLimitError {}

/** The JSON object of an answer; empty for an empty body. Throws a retryable error when it is none: what the call did is unknown then. */
export function parseBody(response: HttpResponse): Body {
  if (response.body.length === 0) return {};
  try {
    const body: unknown = JSON.parse(response.body.toString("utf8"));
    if (typeof body === "object" && body !== null && !Array.isArray(body)) return body as Body;
  } catch {
    // Said below.
  }
  throw platformError(`QQ answered HTTP ${response.status} without JSON: is api_base right, and is there a proxy in between?`);
}

/** Whether the access token is at fault; a fresh one may help. */
export function isTokenRefused(response: HttpResponse): boolean {
  if (response.status === 401) return true;
  return response.status >= 400 && response.status < 500 && REFUSED_TOKENS.has(codeOf(parseBody(response)));
}

/** The audit's id when the platform has taken a message but shows it to nobody before it has been looked at. */
export function auditOf(response: HttpResponse, body: Body): string | undefined {
  if ((response.status !== 201 && response.status !== 202) || !AUDITED.has(codeOf(body))) return undefined;
  const audit = (body.data as { message_audit?: { audit_id?: unknown } } | undefined)?.message_audit;
  return String(audit?.audit_id ?? "unknown");
}

/**
 * Throws what an answer means, unless it is a success: 201 and 202 are none. Decides by code and status; the platform's words are only
 * passed on. https://bot.q.qq.com/wiki/develop/api-v2/dev-prepare/error-trace/openapi.html
 */
export function checkAnswer(response: HttpResponse, body: Body): void {
  const { status } = response;
  if (status === 200 || status === 204) return;
  const code = codeOf(body);
  const advice = FINAL.get(code) ?? CURABLE.get(code);
  const said = `QQ refused with ${code || `HTTP ${status}`}${advice ? `: ${advice}` : ""}${hintOf(response, body)}`;
  if (status === 429) throw new TooFastError(retryAfter(response) ?? TOO_FAST_MS, said);
  if (QUOTAS.has(code)) throw new RateLimitError(retryAfter(response) ?? QUOTA_MS, said);
  const form = formAtFault(code);
  if (form) throw new RefusedForm(form, said);
  if (FINAL.has(code)) throw new RejectedError(said, code);
  if (CURABLE.has(code) || isTokenRefused(response)) throw new UnreachableError(said);
  if (status === 404 || status === 405) throw new RejectedError(`${said}: is api_base right?`, status);
  throw platformError(said);
}

function formAtFault(code: number): RefusedForm["because"] | undefined {
  if (code === DUPLICATE) return "duplicate";
  if (WINDOW_CLOSED.has(code)) return "window";
  if (MARKDOWN_REFUSED.has(code)) return "markdown";
  if (URL_REFUSED.has(code)) return "url";
  return MEDIA_REFUSED.has(code) ? "media" : undefined;
}

function codeOf({ err_code, code }: Body): number {
  return Number(err_code ?? code ?? 0) || 0;
}

/** The platform's words and the id by which its support finds the call. */
function hintOf({ headers }: HttpResponse, { message }: Body): string {
  const text = typeof message === "string" ? message.replace(/\s+/g, " ").slice(0, 150) : "";
  const trace = headers["x-tps-trace-id"];
  const parts = [text, typeof trace === "string" ? `trace ${trace}` : ""].filter(Boolean);
  return parts.length > 0 ? ` (${parts.join(", ")})` : "";
}

function retryAfter({ headers }: HttpResponse): number | undefined {
  const seconds = Number(headers["retry-after"]);
  return seconds > 0 ? seconds * 1000 : undefined;
}

function platformError(message: string): ClawdbotError {
  return new ClawdbotError("CLAWDBOT_ERR_PLATFORM", message, { retryable: true });
}
