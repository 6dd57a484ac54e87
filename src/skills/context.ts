import type { AdapterHost } from "../adapters/host.ts";
import type { Clock } from "../clock.ts";
import type { Guard } from "../guard/guard.ts";
import type { Message } from "../message.ts";
import type { Log } from "../observe/log.ts";
import type { Candidate } from "../pipeline/route.ts";
import type { RunParts } from "../pipeline/run.ts";
import { languageOf } from "../pipeline/texts.ts";
import type { KeyValue, Language, Logger, Skill, StatusReport } from "../skill.ts";
import { keyValue } from "../storage/key-value.ts";
import type { Storage } from "../storage/storage.ts";

export interface SkillContextParts {
  guard: Guard;
  /** Those of the moment. */
  skills(): readonly Skill[];
  host: AdapterHost;
  storage: Storage;
  clock: Clock;
  log: Log;
  status(): Promise<StatusReport>;
  serverLanguage: "auto" | Language;
}

/** What a skill may reach in the gateway: its own keys, its own log, what its sender may see. Nothing else. */
export function createSkillContext(on: SkillContextParts): { forMessage: RunParts["context"]; channelLanguage(channel: string): Language } {
  function channelLanguage(channel: string): Language {
    return on.serverLanguage === "auto" ? on.host.language(channel) : on.serverLanguage;
  }

  const owned = new Map<string, { log: Logger; kv: KeyValue }>();

  function ownedBy(name: string): { log: Logger; kv: KeyValue } {
    let own = owned.get(name);
    if (!own) {
      own = { log: on.log.logger(`skill.${name}`), kv: skillKeys(on.storage, name, on.clock) };
      owned.set(name, own);
    }
    return own;
  }

  return {
    channelLanguage,
    forMessage(message: Message, { skill }: Candidate) {
      return {
        language: languageOf(message, channelLanguage(message.channel)),
        preview: (text) => on.host.adapter(message.channel, message.account)?.preview?.(message, text),
        ...ownedBy(skill.name),
        skills() {
          const permit = on.guard.permit(message);
          return on
            .skills()
            .filter((each) => permit.may(each.name).allowed)
            .map(({ name, aliases = [], description, usage }) => ({ name, aliases, description, usage }));
        },
        status: on.status,
      };
    },
  };
}

/** The keys of one skill; they stay when it is unloaded. */
export function skillKeys(storage: Storage, name: string, clock: Clock): KeyValue {
  return keyValue(storage, `skill:${name}`, clock);
}
