import type { Segment } from "clawdbot";
import type { Scene } from "./target.ts";

/** What stands between texts, as text of the scene. Text that users or models wrote must not become a tag of the platform. */
export function renderText(segments: readonly Segment[], scene: Scene): string {
  return segments.map((segment) => renderSegment(segment, scene)).join("");
}

function renderSegment(segment: Segment, scene: Scene): string {
  switch (segment.type) {
    case "text":
    case "markdown":
      return inert(segment.text, scene);
    case "mention":
      return mention(segment, scene);
    case "location":
      return inert(`${segment.title ?? ""} ${segment.latitude},${segment.longitude}`.trim(), scene);
    case "quote":
      return "";
    default:
      return inert(segment.url ? `${segment.name ? `${segment.name} ` : ""}${segment.url}` : `[${segment.name ?? segment.type}]`, scene);
  }
}

/** https://bot.q.qq.com/wiki/develop/api-v2/server-inter/message/trans/text-chain.html */
function mention({ id, name, all }: { id?: string; name?: string; all?: boolean }, scene: Scene): string {
  const usable = !all && id !== undefined && /^[\w-]+$/.test(id);
  if (usable && scene === "guild") return `<@${id}>`;
  if (usable && scene === "group") return `<qqbot-at-user id="${id}" />`;
  return inert(`@${all ? "all" : (name ?? id ?? "")}`, scene);
}

/**
 * In guilds entities are undone by the client. Elsewhere they would be seen as they are: there a character of no width keeps a tag from
 * being one.
 */
function inert(text: string, scene: Scene): string {
  if (scene === "guild") return text.replaceAll("&", "&amp;").replaceAll("<", "&lt;").replaceAll(">", "&gt;");
  return text.replace(/<(?=qqbot-|@|#|emoji:|faceType=)/gi, "<\u200b");
}
