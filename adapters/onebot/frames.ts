import { ClawdbotError } from "clawdbot";

export type Fields = Record<string, unknown>;

/** The answer to a call: https://github.com/botuniverse/onebot-11/blob/master/communication/ws.md */
export interface Result {
  status: string;
  retcode: number;
  data: Fields;
  echo: string | undefined;
  /** What the peer says about it, in whichever of three fields it does. */
  words: string;
}

export type Frame = { kind: "event"; event: Fields } | { kind: "result"; result: Result };

export function isObject(value: unknown): value is Fields {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

/** Reads one text frame. Throws when it is not one JSON object; an object that is neither event nor result is undefined. */
export function parseFrame(text: string): Frame | undefined {
  let frame: unknown;
  try {
    frame = JSON.parse(text);
  } catch {
    frame = undefined;
  }
  if (!isObject(frame)) throw new ClawdbotError("CLAWDBOT_ERR_INVALID", "a frame must be one JSON object");
  if (typeof frame.post_type === "string") return { kind: "event", event: frame };
  if (typeof frame.status !== "string" && typeof frame.retcode !== "number") return undefined;
  const { status, retcode, data, echo } = frame;
  const words = [frame.msg, frame.wording, frame.message].filter((word) => typeof word === "string" && word !== "");
  return {
    kind: "result",
    result: {
      status: typeof status === "string" ? status : retcode === 0 ? "ok" : "failed",
      retcode: typeof retcode === "number" ? retcode : -1,
      data: isObject(data) ? data : {},
      echo: typeof echo === "string" ? echo : undefined,
      words: [...new Set(words)].join(" "),
    },
  };
}
