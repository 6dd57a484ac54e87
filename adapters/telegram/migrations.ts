import type { AdapterContext } from "clawdbot";

const PREFIX = "migrated:";
/** How many groups that became supergroups one bot is expected to meet at most. */
const MOST = 10_000;

/**
 * Where groups have gone: one that becomes a supergroup gets another id, and what is sent to the old one is refused for ever.
 * https://core.telegram.org/bots/api#responseparameters
 */
export interface Migrations {
  load(): Promise<void>;
  /** Resolves when the new id is on disk. */
  note(from: string, to: string): Promise<void>;
  /** The id that is good today. */
  current(chat: string): string;
}

export function createMigrations({ kv, log, account }: AdapterContext): Migrations {
  const known = new Map<string, string>();
  return {
    async load() {
      for (const { key, value } of await kv.list(PREFIX, MOST)) known.set(key.slice(PREFIX.length), String(value));
    },
    async note(from, to) {
      if (known.get(from) === to) return;
      await kv.set(PREFIX + from, to);
      known.set(from, to);
      log.warn("group became a supergroup: use its new id in permissions.yaml", { account, from, to });
    },
    current: (chat) => known.get(chat) ?? chat,
  };
}
