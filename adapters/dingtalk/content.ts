import { RejectedError, type Reply } from "clawdbot";
import { type ActionCard, parseActionCard } from "./action-card.ts";
import { isSendableMedia, type SendableMedia, writtenAs } from "./split.ts";

/** More buttons than this have no form in the robot API. */
const MAX_BUTTONS = 5;
const TITLE_LENGTH = 24;

/** One reply in the platform's words. split() has left one of these in each. */
export type Content =
  | { kind: "text"; text: string; at: Mentions }
  | { kind: "markdown"; title: string; text: string; at: Mentions }
  | { kind: "card"; title: string; text: string; buttons: ActionCard["buttons"] }
  | { kind: "media"; media: SendableMedia };

interface Mentions {
  atUserIds: string[];
  isAtAll: boolean;
}

/** Throws RejectedError for a reply without content. */
export function contentOf({ segments }: Reply): Content {
  const [first] = segments;
  if (!first) throw new RejectedError("nothing in this reply can be sent");
  if (isSendableMedia(first)) return { kind: "media", media: first };
  const text = writtenAs(segments);
  const mentioned = segments.filter((segment) => segment.type === "mention");
  const at = { atUserIds: mentioned.flatMap(({ id }) => id ?? []), isAtAll: mentioned.some(({ all }) => all === true) };
  if (segments.every(({ type }) => type !== "markdown")) return { kind: "text", text, at };
  const card = parseActionCard(text);
  if (card) return { kind: "card", title: titleOf(card.text), ...card };
  return { kind: "markdown", title: titleOf(text), text, at };
}

/**
 * As a webhook takes it; undefined for a file without an address, which no webhook can carry.
 * https://open.dingtalk.com/document/development/robot-message-type
 */
export function webhookBody(content: Content): Record<string, unknown> | undefined {
  switch (content.kind) {
    case "text":
      return { msgtype: "text", text: { content: content.text }, at: content.at };
    case "markdown":
      return { msgtype: "markdown", markdown: { title: content.title, text: content.text }, at: content.at };
    case "card":
      return { msgtype: "actionCard", actionCard: webhookCard(content) };
    case "media": {
      const { type, url, ref, name = type } = content.media;
      const address = url ?? (type === "image" ? ref : undefined);
      if (address === undefined) return undefined;
      const text = `${type === "image" ? "!" : ""}[${name.replace(/[[\]\n]/g, " ")}](${address})`;
      return { msgtype: "markdown", markdown: { title: name, text } };
    }
  }
}

/** As the robot API takes it: a key and its parameters. */
export interface RobotMessage {
  msgKey: string;
  msgParam: Record<string, string>;
}

/** Everything but media, which must be uploaded first. https://open.dingtalk.com/document/development/robot-message-type */
export function robotMessage(content: Exclude<Content, { kind: "media" }>): RobotMessage {
  switch (content.kind) {
    case "text":
      return { msgKey: "sampleText", msgParam: { content: content.text } };
    case "markdown":
      return { msgKey: "sampleMarkdown", msgParam: { title: content.title, text: content.text } };
    case "card":
      return robotCard(content);
  }
}

/** `address` is a public URL or a media id. */
export function robotImage(address: string): RobotMessage {
  return { msgKey: "sampleImageMsg", msgParam: { photoURL: address } };
}

export function robotFile(mediaId: string, fileName: string): RobotMessage {
  const dot = fileName.lastIndexOf(".");
  return { msgKey: "sampleFile", msgParam: { mediaId, fileName, fileType: dot < 0 ? "" : fileName.slice(dot + 1).toLowerCase() } };
}

function webhookCard({ title, text, buttons }: ActionCard & { title: string }): Record<string, unknown> {
  const [only, ...more] = buttons;
  if (more.length === 0) return { title, text, singleTitle: only!.title, singleURL: only!.url };
  return { title, text, btnOrientation: "0", btns: buttons.map((button) => ({ title: button.title, actionURL: button.url })) };
}

function robotCard({ title, text, buttons }: ActionCard & { title: string }): RobotMessage {
  const [only, ...more] = buttons;
  if (more.length === 0) return { msgKey: "sampleActionCard", msgParam: { title, text, singleTitle: only!.title, singleURL: only!.url } };
  if (buttons.length > MAX_BUTTONS) {
    const links = buttons.map((button) => `- [${button.title}](${button.url})`).join("\n");
    return { msgKey: "sampleMarkdown", msgParam: { title, text: `${text}\n\n${links}` } };
  }
  const params = buttons.flatMap((button, index) => [
    [`actionTitle${index + 1}`, button.title],
    [`actionURL${index + 1}`, button.url],
  ]);
  return { msgKey: `sampleActionCard${buttons.length}`, msgParam: { title, text, ...Object.fromEntries(params) } };
}

/** Shown in notifications and in the list of chats: the first line that says something. */
function titleOf(markdown: string): string {
  const lines = markdown.split("\n").map((line) => line.replace(/^[#>*\-\s]+|[*_`]/g, "").trim());
  return [...(lines.find((line) => line !== "") ?? "…")].slice(0, TITLE_LENGTH).join("");
}
