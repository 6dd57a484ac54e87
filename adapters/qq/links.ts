/** A host name of letters, with or without a scheme before it. */
const LINK = /(?:\b[a-z][a-z0-9+.-]*:\/\/)?\b((?:[a-z0-9](?:[a-z0-9-]*[a-z0-9])?\.)+[a-z]{2,24})(?![a-z0-9])/gi;

/** The text with its links written so that they are none: `https://example.com/a` becomes `example[.]com/a`. */
export function withoutLinks(text: string): string {
  return text.replace(LINK, (_link, host: string) => host.replaceAll(".", "[.]")).replace(/\bhttps?:\/\//gi, "");
}
