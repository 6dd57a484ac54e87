import { ClawdbotError, type HttpResponse, RateLimitError, RejectedError, UnreachableError } from "clawdbot";

/** What every call of the platform answers, with HTTP 200: https://developer.work.weixin.qq.com/document/path/90313 */
export interface Answer {
  errcode: number;
  errmsg?: string;
}

/** A minute's quota that is used up stays so for a minute: https://developer.work.weixin.qq.com/document/path/90312 */
const FREQUENCY_BLOCK_MS = 60_000;
const CONCURRENCY_BLOCK_MS = 2000;

const REFUSED_TOKENS = new Set([40014, 41001, 42001]);

/** An operator can cure these without touching the reply: nothing was sent, and it is worth trying again. */
const ADVICE = new Map([
  ...entries([40001, 40091, 41004], "check secret: it must be this app's Secret"),
  ...entries([40013, 41002, 2000002], "check corp_id"),
  ...entries([40056, 41011, 301002], "check agent_id: it must be the app that secret belongs to"),
  ...entries([48002], "this app may not use this API: see its permissions in the admin console"),
  ...entries([50003], "this app is switched off in the admin console"),
  ...entries([60011], "make the app visible to this member (可见范围)"),
  ...entries([60020], "add the address from which this server calls to the app's trusted IPs (企业可信IP)"),
]);

/** The content or the recipient is at fault, and always will be. */
const FINAL = new Set([
  ...[40007, 40008, 40035, 40058, 40063, 41006, 44004, 45001, 45002, 45008, 47001, 85002],
  ...[40003, 46004, 60111, 81012, 81013, 82001],
]);

function entries(codes: number[], advice: string): [number, string][] {
  return codes.map((code) => [code, advice]);
}

/** The answer of a call. Throws a retryable error when it is none: what the call did is unknown then. */
export function parseAnswer<Body extends Answer>(response: HttpResponse): Body {
  if (response.status !== 200) throw platformError(`WeCom answered HTTP ${response.status}`);
  try {
    const answer: unknown = JSON.parse(response.body.toString("utf8"));
    if (typeof (answer as Body | null)?.errcode === "number") return answer as Body;
  } catch {
    // Said below.
  }
  throw platformError("WeCom's answer is not its usual JSON: is api_base right, and is there a proxy in between?");
}

/** Whether the access token is at fault; a fresh one may help. */
export function isTokenRefused({ errcode }: Answer): boolean {
  return REFUSED_TOKENS.has(errcode);
}

/** Throws what an answer's code means. Decides by errcode alone, errmsg is only passed on. */
export function checkAnswer(answer: Answer): void {
  const { errcode } = answer;
  if (errcode === 0) return;
  const advice = ADVICE.get(errcode);
  const said = `WeCom refused with ${errcode}${advice ? `: ${advice}` : ""}${hintOf(answer)}`;
  if (errcode === 45009) throw new RateLimitError(FREQUENCY_BLOCK_MS, said);
  if (errcode === 45033) throw new RateLimitError(CONCURRENCY_BLOCK_MS, said);
  if (advice || isTokenRefused(answer)) throw new UnreachableError(said);
  if (FINAL.has(errcode)) throw new RejectedError(said, errcode);
  throw platformError(said);
}

/** errmsg names the request, our address as the platform sees it, and where to look the code up. */
function hintOf({ errmsg }: Answer): string {
  const text = typeof errmsg === "string" ? errmsg.replace(/\s+/g, " ").slice(0, 200) : "";
  return text && ` (${text})`;
}

function platformError(message: string): ClawdbotError {
  return new ClawdbotError("CLAWDBOT_ERR_PLATFORM", message, { retryable: true });
}
