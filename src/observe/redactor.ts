/** Masks secrets in any text that leaves the process. */
export interface Redactor {
  /**
   * From now on the value is masked wherever it appears, also URL-encoded or inside JSON. Values shorter than 4 characters would
   * mask half the log and are left alone. The first 300 values stay for good (the configured ones, known at start); of the
   * later ones (access tokens) the last 100.
   */
  hide(secret: string): void;
  redact(text: string): string;
}

const KEPT = 300;
const RECENT = 100;

/** A query parameter whose name says that nobody may see its value: access_token, corpsecret, api_key … */
const SECRET_PARAMETER = /([?&][\w.-]*(?:token|secret|key|password)=)[^&#\s"'<>]+/gi;

export function createRedactor(): Redactor {
  const kept = new Set<string>();
  const recent = new Set<string>();
  let pattern: RegExp | undefined;

  return {
    hide(secret) {
      if (secret.length < 4 || kept.has(secret) || recent.has(secret)) return;
      (kept.size < KEPT ? kept : recent).add(secret);
      if (recent.size > RECENT) recent.delete(recent.values().next().value!);
      pattern = anyOf([...kept, ...recent].flatMap(formsOf));
    },
    redact(text) {
      const masked = pattern === undefined ? text : text.replace(pattern, "***");
      return masked.includes("=") ? masked.replace(SECRET_PARAMETER, "$1***") : masked;
    },
  };
}

/** How a value may be spelt: plainly, in a URL, in a form, in a JSON text. */
function formsOf(secret: string): string[] {
  const wellFormed = Buffer.from(secret).toString();
  const encoded = [encodeURIComponent(wellFormed), new URLSearchParams({ "": secret }).toString().slice(1)];
  const lowerCase = encoded.map((form) => form.replace(/%../g, (hex) => hex.toLowerCase()));
  return [secret, ...encoded, ...lowerCase, JSON.stringify(secret).slice(1, -1)];
}

function anyOf(texts: string[]): RegExp {
  // Longest first: of a secret that contains another one, nothing must remain.
  const longestFirst = [...new Set(texts)].sort((a, b) => b.length - a.length);
  return new RegExp(longestFirst.map((text) => text.replace(/[\\^$.*+?()[\]{}|/]/g, "\\$&")).join("|"), "g");
}
