import type { ContentType, InboundMessage, MediaSegment, Segment } from "clawdbot";
import { isObject } from "./event.ts";

type Data = Record<string, unknown>;

/** Mentions and faces as they stand in a text. */
const TAG = /<@!?(\w+)>|<qqbot-at-user id="(\w+)"\s*\/>|<faceType=\d+,faceId="[^"]*",ext="([^"]*)">/g;

/** What a message says: https://bot.q.qq.com/wiki/develop/api-v2/server-inter/message/send-receive/event.html */
export function contentOf(data: Data): Pick<InboundMessage, "contentType" | "text" | "segments" | "replyTo"> {
  const replyTo = quotedBy(data);
  const written = textSegments(textOf(data), data);
  const media = attachmentsOf(data);
  const text = plain(written, botsOf(data));
  return {
    contentType: contentTypeOf(text, media),
    text: text || spoken(data),
    segments: [...(replyTo === undefined ? [] : [{ type: "quote", id: replyTo } as const]), ...written, ...media],
    ...(replyTo !== undefined && { replyTo }),
  };
}

/** Cards have their text in ark_data. */
function textOf(data: Data): string {
  const content = typeof data.content === "string" ? data.content : "";
  const card = isObject(data.ark_data) ? data.ark_data.prompt : undefined;
  return content.trim() === "" && typeof card === "string" ? card : content;
}

function textSegments(text: string, data: Data): Segment[] {
  const names = new Map(mentionsOf(data).map((user) => [idOf(user), user.nickname ?? user.username]));
  const segments: Segment[] = [];
  let from = 0;
  const addText = (piece: string) => {
    if (piece === "") return;
    const last = segments.at(-1);
    if (last?.type === "text") last.text += piece;
    else segments.push({ type: "text", text: piece });
  };
  for (const tag of text.matchAll(TAG)) {
    addText(unescaped(text.slice(from, tag.index)));
    const id = tag[1] ?? tag[2];
    const name = id === undefined ? undefined : names.get(id);
    if (id === undefined) addText(faceText(tag[3]!));
    else segments.push({ type: "mention", id, ...(typeof name === "string" && name !== "" && { name }) });
    from = tag.index + tag[0].length;
  }
  addText(unescaped(text.slice(from)));
  return segments;
}

/** Without the mentions of bots, and without the blank that the platform leaves where one was. */
function plain(segments: readonly Segment[], bots: ReadonlySet<string>): string {
  return segments
    .map((segment) => {
      if (segment.type === "text") return segment.text;
      return segment.type === "mention" && !bots.has(segment.id!) ? `@${segment.name ?? segment.id}` : "";
    })
    .join("")
    .trim();
}

function botsOf(data: Data): Set<string> {
  return new Set(
    mentionsOf(data)
      .filter(({ bot, is_you }) => bot === true || is_you === true)
      .map(idOf),
  );
}

function mentionsOf(data: Data): Data[] {
  return Array.isArray(data.mentions) ? data.mentions.filter(isObject) : [];
}

function idOf(user: Data): string {
  const id = user.member_openid ?? user.id;
  return typeof id === "string" ? id : "";
}

function attachmentsOf(data: Data): MediaSegment[] {
  const attachments = Array.isArray(data.attachments) ? data.attachments.filter(isObject) : [];
  return attachments.flatMap((one): MediaSegment[] => {
    const url = withScheme(one.voice_wav_url) ?? withScheme(one.url);
    if (url === undefined) return [];
    const mime = typeof one.content_type === "string" ? one.content_type : "";
    return [
      {
        type: mediaType(mime),
        url,
        ...(typeof one.filename === "string" && one.filename !== "" && { name: one.filename }),
        ...(mime.includes("/") && { mime }),
        ...(typeof one.size === "number" && { size: one.size }),
      },
    ];
  });
}

function mediaType(mime: string): MediaSegment["type"] {
  if (mime.startsWith("image")) return "image";
  if (mime.startsWith("video")) return "video";
  return mime.startsWith("voice") || mime.startsWith("audio") ? "voice" : "file";
}

/** Some addresses come without one. */
function withScheme(url: unknown): string | undefined {
  if (typeof url !== "string" || url === "") return undefined;
  return /^https?:\/\//i.test(url) ? url : `https://${url.replace(/^\/+/, "")}`;
}

/** What the platform understood of a voice message. */
function spoken(data: Data): string {
  const attachments = Array.isArray(data.attachments) ? data.attachments.filter(isObject) : [];
  return attachments
    .map(({ asr_refer_text: text }) => (typeof text === "string" ? text : ""))
    .filter(Boolean)
    .join("\n");
}

function contentTypeOf(text: string, media: readonly MediaSegment[]): ContentType {
  if (media.length === 0) return "text";
  return text === "" && media.length === 1 ? media[0]!.type : "mixed";
}

/** In guilds the index is the message's id; elsewhere it is in `message_scene.ext`. */
function quotedBy(data: Data): string | undefined {
  const reference = isObject(data.message_reference) ? data.message_reference.message_id : undefined;
  if (typeof reference === "string") return reference;
  const ext = isObject(data.message_scene) && Array.isArray(data.message_scene.ext) ? data.message_scene.ext : [];
  const found = ext.find((entry) => typeof entry === "string" && entry.startsWith("ref_msg_idx=") && entry.length > 12);
  return typeof found === "string" ? found.slice(12) : undefined;
}

function unescaped(text: string): string {
  return text.replaceAll("&lt;", "<").replaceAll("&gt;", ">").replaceAll("&amp;", "&");
}

/** `ext` is JSON in base64: {"text":"微笑"}. */
function faceText(ext: string): string {
  try {
    const { text } = JSON.parse(Buffer.from(ext, "base64").toString("utf8")) as { text?: unknown };
    if (typeof text === "string") return /^\[.*\]$/.test(text) ? text : `[${text}]`;
  } catch {
    // A face without a name.
  }
  return "[表情]";
}
