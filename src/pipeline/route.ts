import type { Message } from "../message.ts";
import type { Skill, Trigger } from "../skill.ts";

/** A skill that may answer a message. */
export interface Candidate {
  skill: Skill;
  /** How it came to be asked; "asked" = it was neither called nor triggered, everybody of its kind is asked in turn. */
  by: "command" | "trigger" | "asked" | "default";
  /** The text that the skill sees: for a command what follows its name. */
  text: string;
}

export type Route = (message: Message) => Iterable<Candidate>;

/** Finds text by a pattern in time linear in its length. */
export type PatternEngine = (pattern: string) => (text: string) => boolean;

/**
 * Which skills may answer, in the order of asking: the one called by name ▸ those triggered ▸ those without triggers by priority ▸
 * the default, for text only. A call by name names its skill alone. In a group, a message that does not address the bot only reaches
 * commands with a slash and triggers. Pure: reads nothing but the message and the skills it was made of.
 */
export function createRoute(skills: readonly Skill[], options: { default?: string | undefined; pattern: PatternEngine }): Route {
  const byName = new Map<string, Skill>();
  for (const skill of skills) for (const name of [skill.name, ...(skill.aliases ?? [])]) byName.set(name.toLowerCase(), skill);
  const triggered = skills
    .filter((skill) => skill.triggers && skill.triggers.length > 0)
    .map((skill) => ({ skill, matches: skill.triggers!.map((trigger) => compile(trigger, options.pattern)) }));
  const asked = skills.filter((skill) => !skill.triggers).sort((a, b) => (b.priority ?? 0) - (a.priority ?? 0));
  const fallback = options.default === undefined ? undefined : byName.get(options.default.toLowerCase());

  return function* route(message) {
    const command = parseCommand(message, byName);
    if (command) {
      yield command;
      return;
    }
    const { text } = message;
    if (text !== "") {
      for (const { skill, matches } of triggered) if (matches.some((match) => match(text))) yield { skill, by: "trigger", text };
    }
    if (!message.mentionsBot) return;
    for (const skill of asked) yield { skill, by: "asked", text };
    if (fallback && text !== "") yield { skill: fallback, by: "default", text };
  };
}

/** "/echo hi" anywhere the bot listens, "echo hi" where it was addressed in a group; only for a name that exists. */
function parseCommand(message: Message, byName: Map<string, Skill>): Candidate | undefined {
  const text = message.text.trimStart();
  const slash = text.startsWith("/");
  if (!slash && !(message.conversation.type === "group" && message.mentionsBot)) return undefined;
  const end = text.search(/\s/);
  const word = text.slice(slash ? 1 : 0, end < 0 ? undefined : end);
  const skill = byName.get(word.toLowerCase());
  return skill && { skill, by: "command", text: end < 0 ? "" : text.slice(end).trim() };
}

function compile(trigger: Trigger, pattern: PatternEngine): (text: string) => boolean {
  if ("pattern" in trigger) return pattern(trigger.pattern);
  if ("prefix" in trigger) {
    const prefix = trigger.prefix.toLowerCase();
    return (text) => text.trimStart().slice(0, prefix.length).toLowerCase() === prefix;
  }
  const keyword = trigger.keyword.toLowerCase();
  return (text) => text.toLowerCase().includes(keyword);
}
