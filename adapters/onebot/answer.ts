import { ClawdbotError, RateLimitError, RejectedError, UnreachableError } from "clawdbot";
import type { Result } from "./frames.ts";

/** Calls that QQ refuses for a group's own limit on messages a minute. */
const GROUP_LIMIT_MS = 60_000;

/** The peer, not the reply, is at fault: nothing was sent, and an operator can cure it. */
const REFUSED_TOKEN = new Set([1401, 1403]);

/** The call is wrong for this peer and always will be. */
const FINAL = new Set([1400, 1404]);

/** go-cqhttp tells its reasons by word, all with retcode 100. https://docs.go-cqhttp.org/api/ */
const FINAL_WORD = /\b(?:GROUP|FRIEND|USER)_NOT_FOUND\b|\bEMPTY_MSG_ERROR\b/;

/** QQ's own code, which NapCat passes on in its words: `EventChecker Failed: … { "result": 120, … }`. */
const QQ_CODE = /"result":\s*(-?\d+)/;

/** Not in the group any more; muted. Sending on into a group that muted the account gets accounts banned. */
const FINAL_QQ = new Set([110, 120]);
const QQ_GROUP_LIMIT = 299;

/**
 * Throws what a result means, by its codes: https://github.com/botuniverse/onebot-11/blob/master/api/public.md. Whatever is not in a table,
 * NapCat's 1200 with "Timeout" among it, may have been sent or not.
 */
export function checkResult({ status, retcode, words }: Result): void {
  if (status === "ok" || status === "async") return;
  const qq = Number(QQ_CODE.exec(words)?.[1] ?? Number.NaN);
  const said = `the peer refused with ${retcode}${Number.isNaN(qq) ? "" : ` (QQ ${qq})`}`;
  if (REFUSED_TOKEN.has(retcode)) throw new UnreachableError(`${said}: check its token`);
  if (qq === QQ_GROUP_LIMIT) throw new RateLimitError(GROUP_LIMIT_MS, said);
  if (FINAL.has(retcode) || FINAL_QQ.has(qq)) throw new RejectedError(said, Number.isNaN(qq) ? retcode : `qq-${qq}`);
  const word = FINAL_WORD.exec(words)?.[0];
  if (word) throw new RejectedError(`${said}: ${word}`, word);
  throw new ClawdbotError("CLAWDBOT_ERR_PLATFORM", said, { retryable: true });
}
