/** One piece of a message, as the protocol has it: https://github.com/botuniverse/onebot-11/blob/master/message/array.md */
export interface CqSegment {
  type: string;
  data: Record<string, unknown>;
}

/** No parameter can hold a bracket, so that a search which fails ends at the next one: linear in the text. */
const CODE = /\[CQ:([\w.-]+)((?:,[^,=[\]]+=[^,[\]]*)*)\]/g;
const PLAIN: Record<string, string> = { "&amp;": "&", "&#91;": "[", "&#93;": "]", "&#44;": "," };

/**
 * Reads a message in its string form: https://github.com/botuniverse/onebot-11/blob/master/message/string.md. Never throws: what is no
 * proper code is text.
 */
export function parseCqCode(message: string): CqSegment[] {
  const segments: CqSegment[] = [];
  let from = 0;
  const text = (to: number) => {
    if (to > from) segments.push({ type: "text", data: { text: unescapeText(message.slice(from, to)) } });
  };
  for (const { 0: code, 1: type, 2: parameters, index } of message.matchAll(CODE)) {
    text(index);
    segments.push({ type: type!, data: parseParameters(parameters!) });
    from = index + code.length;
  }
  text(message.length);
  return segments;
}

/** The string form of segments: what parseCqCode reads. */
export function formatCqCode(segments: readonly CqSegment[]): string {
  return segments.map(({ type, data }) => (type === "text" ? escapeText(String(data.text)) : formatCode(type, data))).join("");
}

function formatCode(type: string, data: Record<string, unknown>): string {
  const parameters = Object.entries(data).map(([key, value]) => `,${key}=${escapeText(String(value)).replaceAll(",", "&#44;")}`);
  return `[CQ:${type}${parameters.join("")}]`;
}

function parseParameters(parameters: string): Record<string, string> {
  const data: [string, string][] = [];
  for (const parameter of parameters.split(",").slice(1)) {
    const middle = parameter.indexOf("=");
    data.push([parameter.slice(0, middle), parameter.slice(middle + 1).replace(/&(?:amp|#91|#93|#44);/g, plain)]);
  }
  return Object.fromEntries(data);
}

function unescapeText(text: string): string {
  return text.replace(/&(?:amp|#91|#93);/g, plain);
}

function escapeText(text: string): string {
  return text.replaceAll("&", "&amp;").replaceAll("[", "&#91;").replaceAll("]", "&#93;");
}

function plain(escaped: string): string {
  return PLAIN[escaped]!;
}
