import type { z } from "zod";
import { childOf, isSecret } from "./shape.ts";

const MASKED = "***";

/** Names after which a line is not shown any further, whatever the schema says. */
const SECRET_NAMES = String.raw`[\w.-]*(?:secret|tokens?|keys?|password)`;
const CREDENTIALS_IN_URL = /(\/\/)[^/\s@]+@/g;

/** Returns one line of a file as it may be shown. */
export type LineMask = (lines: readonly string[], index: number) => string;

/**
 * Masks what follows the name of a secret, on its line and on the lines that are indented below it. Works on text and not on
 * parsed values, so that it also holds for files that cannot be parsed. `names` are secrets by the schema, beside those that
 * every key ending in secret, token, key or password is.
 */
export function createLineMask(names: readonly string[] = []): LineMask {
  const all = [SECRET_NAMES, ...names.map((name) => name.replace(/\W/g, "\\$&"))].join("|");
  const secretValue = new RegExp(`((?:^|[^\\w.-])(?:${all})["']?\\s*:\\s*)(\\S.*)$`, "i");
  const secretKey = new RegExp(`(?:^|[^\\w.-])(?:${all})["']?\\s*:`, "i");
  return (lines, index) => {
    const line = lines[index] ?? "";
    let indent = indentation(line);
    for (let above = index - 1; above >= 0 && indent > 0; above--) {
      const parent = lines[above]!;
      if (parent.trim() === "" || indentation(parent) >= indent) continue;
      if (secretKey.test(parent)) return line.replace(/\S.*$/, MASKED);
      indent = indentation(parent);
    }
    return line.replace(secretValue, `$1${MASKED}`).replace(CREDENTIALS_IN_URL, `$1${MASKED}@`);
  };
}

/** Dashes count: the keys of a list's entry are siblings of the key behind its dash. */
function indentation(line: string): number {
  return /^(?:\s|- )*/.exec(line)![0].length;
}

/** A copy in which every secret is masked, for output. */
export function maskSecrets(value: unknown, schema: z.ZodType | undefined, key = ""): unknown {
  if (value === null || value === undefined || typeof value === "boolean") return value;
  if (Array.isArray(value)) return value.map((entry) => maskSecrets(entry, schema && childOf(schema, "0"), key));
  if (typeof value === "object") {
    return Object.fromEntries(
      Object.entries(value).map(([name, inner]) => [name, maskSecrets(inner, schema && childOf(schema, name), name)]),
    );
  }
  if (isSecret(key, schema)) return MASKED;
  return typeof value === "string" ? value.replace(CREDENTIALS_IN_URL, `$1${MASKED}@`) : value;
}

/** Every secret in a value, so that the log can be told never to show it. */
export function collectSecrets(value: unknown, schema: z.ZodType | undefined, key = ""): string[] {
  if (typeof value === "string" && value !== "" && isSecret(key, schema)) return [value];
  if (Array.isArray(value)) return value.flatMap((entry) => collectSecrets(entry, schema && childOf(schema, "0"), key));
  if (typeof value !== "object" || value === null) return [];
  return Object.entries(value).flatMap(([name, inner]) => collectSecrets(inner, schema && childOf(schema, name), name));
}
