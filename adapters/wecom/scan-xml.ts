import { VerifyError } from "clawdbot";

/** The children of an element by name: text, or further children. */
export interface Fields {
  [name: string]: string | Fields | (string | Fields)[];
}

const MAX_DEPTH = 8;
const MAX_ELEMENTS = 512;
const NAME = /^[A-Za-z][A-Za-z0-9_]*$/;
/** Elements that stand for a list also when there is only one of them. */
const LISTS = new Set(["item", "SelectedItem", "OptionId"]);
const ENTITIES: Record<string, string> = { lt: "<", gt: ">", amp: "&", apos: "'", quot: '"' };

/**
 * Reads the XML of a decrypted callback: elements, text and CDATA, nothing else. Attributes, declarations, comments and entities
 * beyond the five of XML throw VerifyError. Linear in the text; must be given only what was verified.
 */
export function scanXml(text: string): Fields {
  const scanner = new Scanner(text.trim());
  return scanner.document();
}

class Scanner {
  readonly #text: string;
  #at = 0;
  #elements = 0;

  constructor(text: string) {
    this.#text = text;
  }

  document(): Fields {
    if (!this.#text.startsWith("<xml>")) throw malformed();
    this.#at = 5;
    const fields = this.#content("xml", 0);
    if (this.#at !== this.#text.length || typeof fields === "string") throw malformed();
    return fields;
  }

  /** What stands between an opening tag, already read, and its closing tag, which is read too. */
  #content(name: string, depth: number): string | Fields {
    const text = this.#text;
    let value = "";
    let children: Fields | undefined;
    for (;;) {
      const open = text.indexOf("<", this.#at);
      if (open < 0) throw malformed();
      if (open > this.#at) value += decode(text.slice(this.#at, open));
      const next = text[open + 1];
      if (next === "/") {
        this.#at = open + name.length + 3;
        if (!text.startsWith(name, open + 2) || text[this.#at - 1] !== ">") throw malformed();
        if (children && value.trim() !== "") throw malformed();
        return children ?? value;
      }
      if (next === "!") value += this.#cdata(open);
      else {
        children ??= {};
        this.#child(children, open, depth);
      }
    }
  }

  #cdata(open: number): string {
    const end = this.#text.startsWith("<![CDATA[", open) ? this.#text.indexOf("]]>", open + 9) : -1;
    if (end < 0) throw malformed();
    this.#at = end + 3;
    return this.#text.slice(open + 9, end);
  }

  #child(into: Fields, open: number, depth: number): void {
    const end = this.#text.indexOf(">", open);
    const empty = this.#text[end - 1] === "/";
    const name = this.#text.slice(open + 1, empty ? end - 1 : end);
    if (!NAME.test(name) || depth === MAX_DEPTH || ++this.#elements > MAX_ELEMENTS) throw malformed();
    this.#at = end + 1;
    const value = empty ? "" : this.#content(name, depth + 1);
    const before = into[name];
    if (before === undefined || !Object.hasOwn(into, name)) into[name] = depth > 0 && LISTS.has(name) ? [value] : value;
    else if (Array.isArray(before)) before.push(value);
    else into[name] = [before, value];
  }
}

/** Plain text with its references resolved. */
function decode(text: string): string {
  let decoded = "";
  let from = 0;
  for (let at = text.indexOf("&"); at >= 0; at = text.indexOf("&", from)) {
    const end = text.indexOf(";", at);
    decoded += text.slice(from, at) + referenced(text.slice(at + 1, end));
    from = end + 1;
  }
  return from === 0 ? text : decoded + text.slice(from);
}

function referenced(name: string): string {
  if (Object.hasOwn(ENTITIES, name)) return ENTITIES[name]!;
  const code = /^#(?:x[0-9a-f]{1,6}|[0-9]{1,7})$/i.test(name) ? Number(`0${name.slice(1)}`) : 0;
  const isLegal = code === 9 || code === 10 || code === 13 || (code >= 0x20 && code < 0xd800) || (code >= 0xe000 && code <= 0xfffd);
  if (!isLegal && (code < 0x10000 || code > 0x10ffff)) throw malformed();
  return String.fromCodePoint(code);
}

function malformed(): VerifyError {
  return new VerifyError("malformed_xml");
}
