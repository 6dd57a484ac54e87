/** A message with buttons that open addresses. */
export interface ActionCard {
  text: string;
  buttons: { title: string; url: string }[];
}

const LINK = /^\[([^\]\n]{1,64})\]\(((?:https?|dingtalk):\/\/[^\s()]{1,2000})\)$/;

/**
 * Reads markdown that ends in a rule (---) and, below it, nothing but links, one a line: those are the card's buttons. Any other
 * channel shows the same text as rule and links. Undefined for other markdown.
 */
export function parseActionCard(markdown: string): ActionCard | undefined {
  const lines = markdown.trimEnd().split("\n");
  const buttons: ActionCard["buttons"] = [];
  for (let at = lines.length - 1; at > 0; at--) {
    const line = lines[at]!.trim();
    const link = LINK.exec(line);
    if (link) buttons.unshift({ title: link[1]!, url: link[2]! });
    else if (/^-{3,}$/.test(line) && buttons.length > 0) return { text: lines.slice(0, at).join("\n").trimEnd(), buttons };
    else if (line !== "") return undefined;
  }
  return undefined;
}
