import { VerifyError } from "clawdbot";

/** One frame of the gateway, and one webhook's body. https://bot.q.qq.com/wiki/develop/api-v2/dev-prepare/interface-framework/event-emit.html */
export interface Frame {
  op: number;
  /** Of an event: what replies to it name. */
  id?: string;
  /** Number of an event in its session. */
  s?: number;
  /** Name of an event. */
  t?: string;
  d?: unknown;
}

export const OP = {
  dispatch: 0,
  heartbeat: 1,
  identify: 2,
  resume: 6,
  reconnect: 7,
  invalidSession: 9,
  hello: 10,
  heartbeatAck: 11,
  callbackAck: 12,
  validation: 13,
} as const;

/** Throws VerifyError when it is none. */
export function parseFrame(text: string): Frame {
  let frame: unknown;
  try {
    frame = JSON.parse(text);
  } catch {
    throw new VerifyError("malformed_frame");
  }
  if (!isObject(frame) || !Number.isInteger(frame.op)) throw new VerifyError("malformed_frame");
  if (frame.s !== undefined && frame.s !== null && !Number.isInteger(frame.s)) throw new VerifyError("malformed_frame");
  const { op, id, s, t, d } = frame as unknown as Frame;
  return { op, d, ...(typeof id === "string" && { id }), ...(typeof t === "string" && { t }), ...(typeof s === "number" && { s }) };
}

export function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}
