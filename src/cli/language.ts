import { readEnvironment } from "../config/environment.ts";
import type { Language } from "../skill.ts";

/** What the operator reads. Codes, states and field names stay free of language. */
export const language: Language = readEnvironment().language;

export function say(text: { zh: string; en: string }): string {
  return text[language];
}
