import type { Clock, Fault, SentRecord } from "clawdbot";
import { type CqSegment, formatCqCode } from "./cq-code.ts";
import { type Fields, isObject } from "./frames.ts";
import { idOf, wireId } from "./ids.ts";

/** What a call does to its connection besides being answered. */
export interface Outcome {
  /** Absent: no answer. */
  result?: Fields;
  /** The connection breaks. */
  broken?: boolean;
  /** ms before the answer. */
  delayMs?: number;
}

export interface ActionsParts {
  self: string;
  clock: Clock;
  onSent(record: SentRecord): void;
}

/**
 * The calls of a peer, answered as NapCat does: https://github.com/botuniverse/onebot-11/blob/master/api/public.md. Faults touch calls that
 * send. "reset" breaks the connection before the call is carried out, "timeout-after-success" after it.
 */
export function createActions({ self, clock, onSent }: ActionsParts) {
  const calls: Record<string, number> = {};
  let fault: Fault | null = null;
  let left = 0;
  let messages = 1_000_000;

  function take({ action, params, echo }: Fields): Outcome {
    const name = String(action);
    calls[name] = (calls[name] ?? 0) + 1;
    const given = isObject(params) ? params : {};
    const current = name.startsWith("send_") ? takeFault() : undefined;
    if (current?.kind === "reset") return { broken: true };
    const answer = (body: Fields): Outcome => ({ result: { ...body, ...(echo !== undefined && { echo }) }, ...slowness(current) });
    const refusal = refusalOf(current);
    if (refusal) return answer(refusal);
    const body = resultOf(name, given);
    return current?.kind === "timeout-after-success" ? { broken: true } : answer(body);
  }

  function takeFault(): Fault | undefined {
    if (!fault || left <= 0) return undefined;
    left--;
    return fault;
  }

  function resultOf(name: string, params: Fields): Fields {
    switch (name) {
      case "send_private_msg":
        return send(idOf(params.user_id), params);
      case "send_group_msg":
        return send(idOf(params.group_id), params);
      case "send_msg":
        return send(idOf(params.message_type === "private" ? params.user_id : (params.group_id ?? params.user_id)), params);
      case "get_login_info":
        return ok({ user_id: wireId(self), nickname: "simulated" });
      case "get_status":
        return ok({ online: true, good: true });
      case "get_version_info":
        return ok({ app_name: "simulated", app_version: "1.0.0", protocol_version: "v11" });
      default:
        return failed(1404, `unknown action ${name}`);
    }
  }

  function send(conversation: string | undefined, { message }: Fields): Fields {
    const segments = segmentsIn(message);
    if (conversation === undefined || !segments || segments.length === 0) return failed(1400, "bad parameters");
    const id = ++messages;
    onSent({ at: clock.now(), conversation, text: shownText(segments), suppressed: false, raw: { conversation, message } });
    return ok({ message_id: id });
  }

  return {
    calls,
    take,
    fault(next: Fault | null): void {
      fault = next;
      left = next?.times ?? Number.POSITIVE_INFINITY;
    },
  };
}

export type Actions = ReturnType<typeof createActions>;

function slowness(fault: Fault | undefined): { delayMs?: number } {
  return fault?.kind === "slow" ? { delayMs: fault.ms ?? 1000 } : {};
}

function refusalOf(fault: Fault | undefined): Fields | undefined {
  switch (fault?.kind) {
    case "error":
      return failed(Number(fault.code ?? 1200), "simulated");
    case "server-error":
      return failed(1200, "Timeout: NTEvent serviceAndMethod:NodeIKernelMsgService/sendMsg");
    case "unauthorised":
      return failed(1403, "token验证失败");
    case "rate-limit":
      return failed(1200, 'EventChecker Failed: sendMsg EventRet:\n{\n    "result": 299,\n    "errMsg": ""\n}\n');
    default:
      return undefined;
  }
}

function segmentsIn(message: unknown): CqSegment[] | undefined {
  if (typeof message === "string") return [{ type: "text", data: { text: message } }];
  const list = Array.isArray(message) ? message : [message];
  return list.every((piece) => isObject(piece) && typeof piece.type === "string" && isObject(piece.data)) ? list : undefined;
}

/** As a user reads it: text as it is, anything else as its code. */
function shownText(segments: readonly CqSegment[]): string {
  return segments.map((segment) => (segment.type === "text" ? String(segment.data.text) : formatCqCode([segment]))).join("");
}

function ok(data: Fields): Fields {
  return { status: "ok", retcode: 0, data, message: "", wording: "" };
}

function failed(retcode: number, message: string): Fields {
  return { status: "failed", retcode, data: null, message, wording: message };
}
