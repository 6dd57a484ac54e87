import type { InboundMessage, Message } from "../message.ts";

let serial = 0;

/** A text message as an adapter hands it over; every field can be overridden. Each has a platformId of its own. */
export function inboundText(text: string, over: Partial<InboundMessage> = {}): InboundMessage {
  serial++;
  return {
    account: "default",
    platformId: `p-${serial}`,
    conversation: { id: "room", type: "direct" },
    sender: { id: "user" },
    contentType: "text",
    text,
    segments: [{ type: "text", text }],
    mentionsBot: true,
    sentAt: 0,
    raw: null,
    ...over,
  };
}

/** The same as the core sees it. */
export function textMessage(text: string, over: Partial<Message> = {}): Message {
  const inbound = inboundText(text, over);
  return { ...inbound, id: `m-${String(serial).padStart(9, "0")}`, channel: "test", receivedAt: 0, ...over };
}
