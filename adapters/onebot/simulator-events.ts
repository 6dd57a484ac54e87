import type { Clock, SimulatedMessage } from "clawdbot";
import { type CqSegment, formatCqCode } from "./cq-code.ts";
import type { Fields } from "./frames.ts";
import { wireId } from "./ids.ts";

/** The event of a message. Direct ones as strings, the standard's default; those of groups as lists, as NapCat has it, with the bot named. */
export function messageEvent({ text, from, group, id }: SimulatedMessage & { id: string }, self: string, clock: Clock): Fields {
  const written: CqSegment = { type: "text", data: { text } };
  const about = {
    time: Math.floor(clock.now() / 1000),
    self_id: wireId(self),
    post_type: "message",
    message_id: wireId(id),
    message_format: group === undefined ? "string" : "array",
    user_id: wireId(from),
    font: 0,
  };
  if (group === undefined) {
    const message = formatCqCode([written]);
    const sender = { user_id: wireId(from), nickname: from, sex: "unknown", age: 0 };
    return { ...about, message_type: "private", sub_type: "friend", message, raw_message: message, sender };
  }
  const message = [
    { type: "at", data: { qq: self } },
    { type: "text", data: { text: ` ${text}` } },
  ];
  return {
    ...about,
    message_type: "group",
    sub_type: "normal",
    group_id: wireId(group),
    anonymous: null,
    message,
    raw_message: formatCqCode(message),
    sender: { user_id: wireId(from), nickname: from, card: "", role: "member" },
  };
}
