import type { Segment } from "clawdbot";
import type { Bot, MessageEntity, TelegramMessage } from "./types.ts";

/** What a message says and to whom. */
export interface Addressed {
  /** Without the mentions of the bot, and with the bot's name taken off commands. */
  text: string;
  segments: Segment[];
  mentionsBot: boolean;
}

/**
 * Finds out whether a group's message is for the bot: a mention or a command with its name in any case, a mention by id, or a
 * reply to it. A command with another bot's name stays as it is. https://core.telegram.org/bots/api#messageentity
 */
export function address(message: TelegramMessage, bot: Bot): Addressed {
  const written = message.text ?? message.caption ?? "";
  const entities = [...(message.entities ?? message.caption_entities ?? [])].sort((a, b) => a.offset - b.offset);
  let mentionsBot = message.chat.type === "private" || String(message.reply_to_message?.from?.id) === String(bot.id);
  let text = "";
  let segments: Segment[] = [];
  let textFrom = 0;
  let segmentFrom = 0;
  for (const entity of entities) {
    const { offset, length } = entity;
    const end = offset + length;
    if (offset < segmentFrom || offset < textFrom || end > written.length) continue;
    const word = written.slice(offset, end);
    const mention = mentioned(entity, word, bot);
    if (mention) segments = [...segments, ...textSegment(written.slice(segmentFrom, offset)), mention.segment];
    if (mention) segmentFrom = end;
    if (mention?.isBot) {
      mentionsBot = true;
      text += written.slice(textFrom, offset);
      textFrom = end + (/^\s/.test(written.slice(end)) ? 1 : 0);
    }
    const name = entity.type === "bot_command" ? word.indexOf("@") : -1;
    if (name > 0 && isName(word.slice(name + 1), bot)) {
      mentionsBot = true;
      text += written.slice(textFrom, offset + name);
      textFrom = end;
    }
  }
  text += written.slice(textFrom);
  return { text: text.trim(), segments: [...segments, ...textSegment(written.slice(segmentFrom))], mentionsBot };
}

function mentioned(entity: MessageEntity, word: string, bot: Bot): { segment: Segment; isBot: boolean } | undefined {
  if (entity.type === "text_mention" && entity.user) {
    const id = String(entity.user.id);
    return { segment: { type: "mention", id, name: entity.user.first_name }, isBot: id === String(bot.id) };
  }
  if (entity.type !== "mention") return undefined;
  const name = word.slice(1);
  const isBot = isName(name, bot);
  return { segment: { type: "mention", name, ...(isBot && { id: String(bot.id) }) }, isBot };
}

function isName(name: string, bot: Bot): boolean {
  return bot.username !== undefined && name.toLowerCase() === bot.username.toLowerCase();
}

function textSegment(text: string): Segment[] {
  return text === "" ? [] : [{ type: "text", text }];
}
