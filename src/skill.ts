import type { Message, Segment } from "./message.ts";

/** A text in the two languages of the product, or one text for both. */
export type Localised = string | { zh: string; en: string };
export type Language = "zh" | "en";

/**
 * When a skill is asked without being called by name:
 * prefix and keyword compare case-insensitively; pattern is a regular expression in RE2 syntax (linear time, no look-around).
 */
export type Trigger = { prefix: string } | { keyword: string } | { pattern: string };

/** null: not mine, the next skill is asked. An empty array: handled, nothing to say. */
export type SkillReply = string | { type: "text" | "markdown"; content: string } | Segment | Segment[];

export interface Skill {
  /** a-z, 0-9, "-", "_", "."; the word after the slash. */
  name: string;
  version: string;
  description: Localised;
  /** Further words after the slash. */
  aliases?: string[];
  /** One line that shows how to call it, for help. */
  usage?: Localised;
  /** Absent: asked for every message that nobody else took. Empty: only called by name. */
  triggers?: Trigger[];
  /** Who is asked first among skills without triggers; higher first, default 0. */
  priority?: number;
  /** Must not block the event loop. May be called again for the same message (same message.id) after a failure or a crash. */
  handleMessage(message: Message, context: SkillContext): Promise<SkillReply | null> | SkillReply | null;
}

export interface SkillInfo {
  name: string;
  aliases: string[];
  description: Localised;
  usage: Localised | undefined;
}

export interface StatusReport {
  version: string;
  uptimeMs: number;
  channels: { channel: string; account: string; receiving: boolean; detail: string }[];
  inbox: number;
  outbox: number;
  deadLetters: number;
}

export interface SkillContext {
  /** Fires at the skill's deadline; what it answers after that is dropped. */
  signal: AbortSignal;
  /** The sender's language. */
  language: Language;
  /** Adds a reply before the returned one. All replies of a message are written together when the skill ends. */
  reply(content: SkillReply): void;
  /** Shows the text so far where the channel can; best effort, never the durable answer. */
  preview(textSoFar: string): void;
  /** Key-value store of this skill alone, shared by all conversations. */
  kv: KeyValue;
  log: Logger;
  /** The skills that this sender may use here. */
  skills(): SkillInfo[];
  status(): Promise<StatusReport>;
}

export interface KeyValue {
  get(key: string): Promise<{ value: unknown; version: number } | null>;
  /**
   * Stores JSON and resolves with its new version. With ifVersion (0 = must not exist) nothing is written unless it matches; then null.
   * ttlMs: forgotten after that.
   */
  set(key: string, value: unknown, options?: { ifVersion?: number; ttlMs?: number }): Promise<number | null>;
  delete(key: string): Promise<void>;
  /** Keys that begin with prefix, ascending. */
  list(prefix: string, limit?: number): Promise<{ key: string; value: unknown; version: number }[]>;
}

export type LogFields = Record<string, string | number | boolean | undefined>;

/** Messages are constant texts; what varies goes into fields. Never a user's text, never a secret. */
export interface Logger {
  debug(message: string, fields?: LogFields): void;
  info(message: string, fields?: LogFields): void;
  warn(message: string, fields?: LogFields): void;
  error(message: string, fields?: LogFields): void;
}

/** Declares a skill; a skill folder's index exports it as default. Checks the name, does nothing else. */
export function defineSkill(skill: Skill): Skill {
  if (!/^[a-z0-9][a-z0-9._-]{0,63}$/.test(skill.name)) {
    throw new TypeError(`skill name "${skill.name}": use a-z, 0-9, "-", "_" and ".", at most 64 characters`);
  }
  return skill;
}

/** A skill as a class, for those who prefer one: `export default new MySkill()`. */
export abstract class BaseSkill implements Skill {
  readonly name: string;
  readonly version: string;
  readonly description: Localised;
  aliases?: string[];
  triggers?: Trigger[];
  priority?: number;

  constructor(about: Pick<Skill, "name" | "version" | "description" | "aliases" | "triggers" | "priority">) {
    defineSkill({ ...about, handleMessage: () => null });
    this.name = about.name;
    this.version = about.version;
    this.description = about.description;
    if (about.aliases) this.aliases = about.aliases;
    if (about.triggers) this.triggers = about.triggers;
    if (about.priority !== undefined) this.priority = about.priority;
  }

  abstract handleMessage(message: Message, context: SkillContext): Promise<SkillReply | null> | SkillReply | null;
}

/** The text in one language. */
export function inLanguage(text: Localised, language: Language): string {
  return typeof text === "string" ? text : text[language];
}
