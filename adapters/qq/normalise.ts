import { type Conversation, type InboundMessage, type Sender, VerifyError } from "clawdbot";
import { contentOf } from "./content.ts";
import { type Frame, isObject } from "./event.ts";
import { eventId } from "./ledger.ts";
import { channelConversation, guildDirectConversation } from "./target.ts";

type Data = Record<string, unknown>;

/** Events in which somebody does something to the bot, with whether replies to them are taken. */
const NOTICES = new Map([
  ["FRIEND_ADD", true],
  ["FRIEND_DEL", false],
  ["C2C_MSG_REJECT", false],
  ["C2C_MSG_RECEIVE", true],
  ["GROUP_ADD_ROBOT", true],
  ["GROUP_DEL_ROBOT", false],
  ["GROUP_MSG_REJECT", false],
  ["GROUP_MSG_RECEIVE", true],
  ["GROUP_MEMBER_ADD", false],
  ["GROUP_MEMBER_REMOVE", false],
]);

/** Roles that every guild has: administrator and owner. */
const GUILD_ADMINS: unknown[] = ["2", "4"];

/**
 * The message that an event carries; undefined for events that are none, and for what bots write. Throws VerifyError when the event is
 * not what the platform says it is. https://bot.q.qq.com/wiki/develop/api-v2/dev-prepare/interface-framework/event-emit.html
 */
export function normalise(frame: Frame, account: string, now: number): InboundMessage | undefined {
  const { t = "", d } = frame;
  if (NOTICES.has(t)) return notice(frame, account, now);
  switch (t) {
    case "C2C_MESSAGE_CREATE":
      return message(frame, account, now, (_data, author) => ({
        conversation: { id: required(author, "user_openid"), type: "direct" },
        sender: { id: required(author, "user_openid"), ...named(author.username) },
        mentionsBot: true,
      }));
    case "GROUP_AT_MESSAGE_CREATE":
    case "GROUP_MESSAGE_CREATE":
      return message(frame, account, now, (data, author) => ({
        conversation: { id: required(data, "group_openid"), type: "group" },
        sender: { id: required(author, "member_openid"), ...named(author.username), ...adminByRole(author.member_role) },
        mentionsBot: t === "GROUP_AT_MESSAGE_CREATE" || mentioned(data).some(({ is_you }) => is_you === true),
      }));
    case "AT_MESSAGE_CREATE":
    case "MESSAGE_CREATE":
      return message(frame, account, now, (data, author) => ({
        conversation: channelConversation(required(data, "channel_id")),
        sender: guildSender(data, author),
        mentionsBot: t === "AT_MESSAGE_CREATE" || mentioned(data).some(({ bot }) => bot === true),
      }));
    case "DIRECT_MESSAGE_CREATE":
      return message(frame, account, now, (data, author) => ({
        conversation: guildDirectConversation(required(data, "guild_id")),
        sender: guildSender(data, author),
        mentionsBot: true,
      }));
    case "INTERACTION_CREATE":
      return interaction(frame, object(d), account, now);
    default:
      return undefined;
  }
}

type Place = Pick<InboundMessage, "conversation" | "sender" | "mentionsBot">;

function message(
  { t, id, d }: Frame,
  account: string,
  now: number,
  place: (data: Data, author: Data) => Place,
): InboundMessage | undefined {
  const data = object(d);
  const author = object(data.author);
  if (author.bot === true) return undefined;
  return {
    account,
    platformId: required(data, "id"),
    ...place(data, author),
    ...contentOf(data),
    sentAt: timeOf(data.timestamp, now),
    raw: { t, id, d: data },
  };
}

/** A button or menu entry that was pressed says its data, as if the user had written it. Others (feedback and the like) are events. */
function interaction({ t, id }: Frame, data: Data, account: string, now: number): InboundMessage {
  const { resolved } = isObject(data.data) ? data.data : {};
  const pressed = isObject(resolved) ? resolved : {};
  const text = typeof pressed.button_data === "string" ? pressed.button_data : "";
  return {
    account,
    platformId: eventId(id ?? required(data, "id"), true),
    conversation: interactionConversation(data),
    sender: { id: personIn(data.group_member_openid, data.user_openid, pressed.user_id) },
    contentType: text ? "text" : "event",
    text,
    segments: text ? [{ type: "text", text }] : [],
    mentionsBot: true,
    sentAt: timeOf(data.timestamp, now),
    raw: { t, id, d: data },
  };
}

function interactionConversation(data: Data): Conversation {
  if (typeof data.group_openid === "string") return { id: data.group_openid, type: "group" };
  if (typeof data.channel_id === "string" && data.scene === "guild") return channelConversation(data.channel_id);
  return { id: required(data, "user_openid"), type: "direct" };
}

function notice({ t = "", id, d }: Frame, account: string, now: number): InboundMessage {
  const data = object(d);
  const group = typeof data.group_openid === "string" ? data.group_openid : undefined;
  const person = personIn(data.op_member_openid, data.member_openid, data.openid);
  const sentAt = timeOf(data.timestamp, now);
  return {
    account,
    platformId: eventId(id ?? `${t}:${group ?? ""}:${person}:${sentAt}`, id !== undefined && NOTICES.get(t) === true),
    conversation: group === undefined ? { id: person, type: "direct" } : { id: group, type: "group" },
    sender: { id: person },
    contentType: "event",
    text: "",
    segments: [],
    mentionsBot: false,
    sentAt,
    raw: { t, id, d: data },
  };
}

function guildSender(data: Data, author: Data): Sender {
  const member = isObject(data.member) ? data.member : {};
  const roles = Array.isArray(member.roles) ? member.roles : [];
  return {
    id: required(author, "id"),
    ...named(member.nick || author.username),
    ...(roles.length > 0 && { isAdmin: roles.some((role) => GUILD_ADMINS.includes(role)) }),
  };
}

function adminByRole(role: unknown): { isAdmin?: boolean } {
  return typeof role === "string" ? { isAdmin: role === "admin" || role === "owner" } : {};
}

function named(name: unknown): { name?: string } {
  return typeof name === "string" && name !== "" ? { name } : {};
}

function mentioned(data: Data): Data[] {
  return Array.isArray(data.mentions) ? data.mentions.filter(isObject) : [];
}

/** RFC 3339, or seconds. */
function timeOf(value: unknown, now: number): number {
  const text = typeof value === "string" || typeof value === "number" ? String(value) : "";
  const ms = /^\d+$/.test(text) ? Number(text) * 1000 : Date.parse(text);
  return Number.isFinite(ms) ? ms : now;
}

/** The first that is an id. */
function personIn(...ids: unknown[]): string {
  const found = ids.find((id) => typeof id === "string" && id !== "");
  if (typeof found !== "string") throw new VerifyError("malformed_event");
  return found;
}

function object(value: unknown): Data {
  if (!isObject(value)) throw new VerifyError("malformed_event");
  return value;
}

function required(data: Data, name: string): string {
  const value = data[name];
  if (typeof value !== "string" || value === "") throw new VerifyError("malformed_event");
  return value;
}
