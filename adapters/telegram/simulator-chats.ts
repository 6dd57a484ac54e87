import type { Clock, SentRecord } from "clawdbot";
import { badRequest, refusal, tooMany } from "./simulator-refusal.ts";
import type { ApiRequest, UploadedFile } from "./simulator-request.ts";
import type { Chat, MessageEntity, TelegramMessage, User } from "./types.ts";

const MEDIA = {
  sendphoto: "photo",
  sendvoice: "voice",
  sendvideo: "video",
  senddocument: "document",
  sendaudio: "audio",
  sendanimation: "animation",
} as const;

const MAX_TEXT = 4096;
const MAX_TEXT_BYTES = 32_768;
const MAX_CAPTION = 1024;
const GROUP_PER_MINUTE = 20;
const ALL_PER_SECOND = 30;

export interface SimulatedChatsOptions {
  bot: User;
  clock: Clock;
  nextId(): number;
  rateLimits: boolean;
  onSent(record: SentRecord): void;
}

/** What stands in the chats of one bot, and the methods that put it there. Throws SimulatedRefusal as the platform refuses. */
export class SimulatedChats {
  readonly files = new Map<string, UploadedFile>();
  readonly #on: SimulatedChatsOptions;
  readonly #shown = new Map<string, { message: TelegramMessage; record: SentRecord }>();
  readonly #refused = new Map<string, () => Error>();
  readonly #windows = new Map<string, { window: number; count: number }>();

  constructor(on: SimulatedChatsOptions) {
    this.#on = on;
  }

  /** From now on every send to the chat is refused with 403. */
  block(chat: string): void {
    this.#refused.set(chat, () => refusal(403, "Forbidden: bot was blocked by the user"));
  }

  /** The group is a supergroup from now on. */
  migrate(from: string, to: string): void {
    const migrated = { migrate_to_chat_id: idOf(to) };
    this.#refused.set(from, () => badRequest("group chat was upgraded to a supergroup chat", migrated));
  }

  /** undefined: not one of these methods. */
  call({ method, parameters, files }: ApiRequest): TelegramMessage | undefined {
    const name = method.toLowerCase();
    const media = MEDIA[name as keyof typeof MEDIA];
    if (name === "editmessagetext") return this.#edit(parameters);
    if (name === "sendmessage") return this.#sendText(parameters);
    if (name === "sendlocation" || name === "sendvenue") return this.#show(parameters, {}, `[${name.slice(4)}]`);
    return media && this.#sendMedia(media, parameters, files);
  }

  #sendText(parameters: Record<string, unknown>): TelegramMessage {
    const text = textOf(parameters);
    return this.#show(parameters, { text, ...entitiesOf("entities", parameters.entities, text) }, text);
  }

  #sendMedia(field: string, parameters: Record<string, unknown>, files: Map<string, UploadedFile>): TelegramMessage {
    const caption = String(parameters.caption ?? "");
    if ([...caption].length > MAX_CAPTION) throw badRequest("message caption is too long");
    const given = parameters[field];
    // https://core.telegram.org/bots/api#sending-files
    const attached = /^attach:\/\/(.+)$/.exec(String(given))?.[1];
    const uploaded = files.get(attached ?? field);
    if (attached && !uploaded) throw badRequest("attached file not found");
    if (!uploaded && !given) throw badRequest(`there is no ${field} in the request`);
    if (uploaded && uploaded.data.length === 0) throw badRequest("file must be non-empty");
    const fileId = uploaded ? `file-${this.#on.nextId()}` : String(given);
    if (uploaded) this.files.set(fileId, uploaded);
    const file = {
      file_id: fileId,
      file_unique_id: fileId,
      ...(uploaded && { file_name: uploaded.name, file_size: uploaded.data.length }),
    };
    const entities = entitiesOf("caption_entities", parameters.caption_entities, caption);
    const content = { [field]: field === "photo" ? [file] : file, ...(caption && { caption, ...entities }) };
    return this.#show(uploaded ? { ...parameters, [field]: uploaded } : parameters, content, caption || `[${field}]`);
  }

  #show(parameters: Record<string, unknown>, content: Partial<TelegramMessage>, text: string): TelegramMessage {
    const { bot, clock } = this.#on;
    const chat = this.#chatOf(parameters);
    this.#limit(chat);
    const { reply_parameters: reply, message_thread_id: thread } = parameters as {
      reply_parameters?: { message_id: number };
      message_thread_id?: number | string;
    };
    const date = Math.floor(clock.now() / 1000);
    const message: TelegramMessage = {
      message_id: this.#on.nextId(),
      date,
      chat,
      from: bot,
      ...(thread !== undefined && { message_thread_id: Number(thread), is_topic_message: true }),
      ...(reply && { reply_to_message: { message_id: reply.message_id, date, chat } }),
      ...content,
    };
    const record = { at: clock.now(), conversation: String(chat.id), text, suppressed: false, raw: parameters };
    this.#shown.set(`${chat.id}:${message.message_id}`, { message, record });
    this.#on.onSent(record);
    return message;
  }

  /** The user sees the new text where the old one was. */
  #edit(parameters: Record<string, unknown>): TelegramMessage {
    const chat = this.#chatOf(parameters);
    const text = textOf(parameters);
    const shown = this.#shown.get(`${chat.id}:${parameters.message_id}`);
    if (!shown) throw badRequest("message to edit not found");
    const entities = entitiesOf("entities", parameters.entities, text);
    const before = JSON.stringify([shown.message.text, shown.message.entities]);
    if (before === JSON.stringify([text, entities.entities])) {
      throw badRequest("message is not modified: specified new message content and reply markup are exactly the same as a current content");
    }
    const { entities: _, ...kept } = shown.message;
    shown.message = { ...kept, text, ...entities, edit_date: Math.floor(this.#on.clock.now() / 1000) };
    Object.assign(shown.record, { text, raw: parameters });
    return shown.message;
  }

  #chatOf({ chat_id }: Record<string, unknown>): Chat {
    const id = String(chat_id ?? "");
    if (id === "") throw badRequest("chat_id is empty");
    const refused = this.#refused.get(id);
    if (refused) throw refused();
    const isGroup = id.startsWith("-") || id.startsWith("g");
    return isGroup ? { id: idOf(id), type: "supergroup", title: id } : { id: idOf(id), type: "private", first_name: id };
  }

  /** https://core.telegram.org/bots/faq#my-bot-is-hitting-limits-how-do-i-avoid-this */
  #limit({ id, type }: Chat): void {
    if (!this.#on.rateLimits) return;
    this.#count("", 1, ALL_PER_SECOND);
    if (type !== "private") this.#count(String(id), 60, GROUP_PER_MINUTE);
  }

  #count(key: string, seconds: number, most: number): void {
    const now = this.#on.clock.now() / 1000;
    const window = Math.floor(now / seconds);
    const used = this.#windows.get(key);
    if (used?.window !== window) this.#windows.set(key, { window, count: 1 });
    else if (++used.count > most) throw tooMany(Math.max(1, Math.ceil((window + 1) * seconds - now)));
  }
}

/** Ids are numbers on the platform; names are for people who test. */
export function idOf(id: string): number | string {
  return /^-?\d+$/.test(id) ? Number(id) : id;
}

function textOf({ text: given, parse_mode }: Record<string, unknown>): string {
  const text = String(given ?? "");
  if (parse_mode !== undefined && parse_mode !== "") throw badRequest("unsupported parse_mode");
  if (text.trim() === "") throw badRequest("message text is empty");
  if (Buffer.byteLength(text) > MAX_TEXT_BYTES) throw badRequest("text is too long");
  if ([...text].length > MAX_TEXT) throw badRequest("message is too long");
  return text;
}

function entitiesOf(name: string, given: unknown, text: string): { entities?: MessageEntity[] } {
  const entities = (given ?? []) as MessageEntity[];
  for (const { offset, length } of entities) {
    if (offset < 0 || length < 1 || offset + length > text.length) throw badRequest("can't parse entities: entity is out of the text");
  }
  return entities.length > 0 ? { [name]: entities } : {};
}
