/** One frame of the platform. https://opensource.dingtalk.com/developerpedia/docs/learn/stream/protocol */
export interface Frame {
  type: string;
  topic: string;
  /** New for each push, also of the same message. */
  messageId: string;
  /** JSON, as text. */
  data: string;
}

export const ROBOT_TOPIC = "/v1.0/im/bot/messages/get";

/** Taken; 400: will never be; 404: nothing here handles this topic. */
export type AckCode = 200 | 400 | 404;

/** Undefined for anything that is no frame: a broken peer must not end the connection. */
export function parseFrame(text: string): Frame | undefined {
  let parsed: { type?: unknown; headers?: { topic?: unknown; messageId?: unknown }; data?: unknown } | null;
  try {
    parsed = JSON.parse(text);
  } catch {
    return undefined;
  }
  const { topic, messageId = "" } = parsed?.headers ?? {};
  if (typeof parsed?.type !== "string" || typeof topic !== "string" || typeof messageId !== "string") return undefined;
  return { type: parsed.type, topic, messageId, data: typeof parsed.data === "string" ? parsed.data : "" };
}

/** What the platform wants to hear of a frame. A robot message cannot be answered here: what data says of it is ignored. */
export function ackFrame({ messageId }: Frame, code: AckCode, data = '{"response":null}'): string {
  const message = code === 200 ? "OK" : code === 404 ? "no such topic" : "not a robot message";
  return JSON.stringify({ code, headers: { contentType: "application/json", messageId }, message, data });
}
