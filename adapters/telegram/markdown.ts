import type { MessageEntity } from "./types.ts";

/** Text with what it looks like beside it: nothing in it can be malformed, as HTML and MarkdownV2 can. */
export interface FormattedText {
  text: string;
  entities: MessageEntity[];
}

interface Inline {
  /** Sticky: where the text continues. The first group is what stays. */
  pattern: RegExp;
  type: string;
  /** What it holds is taken as it is. */
  verbatim?: true;
}

const INLINE: readonly Inline[] = [
  { pattern: /``([^`](?:[\s\S]*?[^`])?)``(?!`)/y, type: "code", verbatim: true },
  { pattern: /`([^`]+)`(?!`)/y, type: "code", verbatim: true },
  { pattern: /\*\*(?=\S)([\s\S]*?\S)\*\*/y, type: "bold" },
  { pattern: /(?<!\w)__(?=\S)([\s\S]*?\S)__(?!\w)/y, type: "bold" },
  { pattern: /~~(?=\S)([\s\S]*?\S)~~/y, type: "strikethrough" },
  { pattern: /\*(?=[^\s*])([^*\n]*[^\s*])\*(?!\*)/y, type: "italic" },
  { pattern: /(?<!\w)_(?=[^\s_])([^_\n]*[^\s_])_(?!\w)/y, type: "italic" },
  { pattern: /\[([^\]\n]+)\]\(((?:https?|tg|mailto):[^\s()]+)\)/y, type: "text_link" },
];

const ESCAPED = /\\([\\`*_{}[\]()#+\-.!~>|])/y;
const FENCE = /^(`{3,16}|~{3,16})[ \t]*([^\s`]*)[^\n`]*\n([\s\S]*?)(?:^\1[ \t]*$|$(?![\s\S]))/gm;
const HEADING = /^#{1,6}[ \t]+(.+?)[ \t]*#*$/;
const QUOTE = /^>[ \t]?(.*)$/;
const BULLET = /^([ \t]*)[-*+][ \t]+/;

/**
 * Markdown, as models write it, as text with entities. What is no Markdown stays as it is; the text never gets longer.
 * https://core.telegram.org/bots/api#messageentity
 */
export function formatMarkdown(source: string): FormattedText {
  const into: FormattedText = { text: "", entities: [] };
  let from = 0;
  for (const match of source.matchAll(FENCE)) {
    addLines(into, source.slice(from, match.index));
    const [, , language, code] = match;
    add(into, "pre", () => addText(into, code!.replace(/\n$/, "")), language ? { language } : {});
    from = match.index + match[0].length;
  }
  addLines(into, source.slice(from));
  return into;
}

function addLines(into: FormattedText, source: string): void {
  let prose = "";
  const flush = () => {
    addInline(into, prose);
    prose = "";
  };
  for (const [index, line] of source.split("\n").entries()) {
    if (index > 0) prose += "\n";
    const heading = HEADING.exec(line)?.[1];
    const quote = QUOTE.exec(line)?.[1];
    if (heading !== undefined || quote) {
      flush();
      add(into, heading === undefined ? "blockquote" : "bold", () => addInline(into, (heading ?? quote)!));
    } else {
      prose += line.replace(BULLET, "$1• ");
    }
  }
  flush();
}

function addInline(into: FormattedText, source: string): void {
  let plain = "";
  for (let at = 0; at < source.length; ) {
    ESCAPED.lastIndex = at;
    const escaped = ESCAPED.exec(source);
    if (escaped) {
      plain += escaped[1];
      at += escaped[0].length;
      continue;
    }
    const found = "`*_~[".includes(source[at]!) ? markAt(source, at) : undefined;
    if (!found) {
      plain += source[at++];
      continue;
    }
    addText(into, plain);
    plain = "";
    const { rule, match } = found;
    const content = match[1]!;
    add(
      into,
      rule.type,
      () => (rule.verbatim ? addText(into, content) : addInline(into, content)),
      rule.type === "text_link" ? { url: match[2]! } : {},
    );
    at += match[0].length;
  }
  addText(into, plain);
}

function markAt(source: string, at: number): { rule: Inline; match: RegExpExecArray } | undefined {
  for (const rule of INLINE) {
    rule.pattern.lastIndex = at;
    const match = rule.pattern.exec(source);
    if (match) return { rule, match };
  }
  return undefined;
}

function add(into: FormattedText, type: string, content: () => void, more: Partial<MessageEntity> = {}): void {
  const offset = into.text.length;
  const entity: MessageEntity = { type, offset, length: 0, ...more };
  into.entities.push(entity);
  content();
  entity.length = into.text.length - offset;
  if (entity.length === 0) into.entities.splice(into.entities.indexOf(entity), 1);
}

function addText(into: FormattedText, text: string): void {
  into.text += text;
}
