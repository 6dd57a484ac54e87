import { type Clock, errorText, type KeyValue, type Logger } from "clawdbot";

/** A session this close to its end is not used: the call would meet the end. */
const MARGIN_MS = 30_000;
/** One on disk that is good for this long is not written again with each message. */
const FRESH_MS = 2_700_000;
const MOST = 10_000;

/** Where a conversation can be answered without a token, for a while. The address is a secret: it must not be logged. */
export interface Sessions {
  /** Resolves when it is on disk, or surely not needed there. Must not be awaited before the message is given to the core: the skill is faster. */
  remember(conversation: string, webhook: string, expiresAt: number): Promise<void>;
  /** Path and query of a live session's address; undefined when there is none. */
  find(conversation: string): Promise<string | undefined>;
  /** The platform does not know this address any more. */
  forget(conversation: string, path: string): Promise<void>;
}

interface Session {
  path: string;
  expiresAt: number;
}

/** Sessions come from the network, so only those at the platform's own host count. The newest of each conversation is kept. */
export function createSessions(oapiBase: string, on: { clock: Clock; kv: KeyValue; log: Logger; account: string }): Sessions {
  const { clock, kv, log, account } = on;
  const { origin } = new URL(oapiBase);
  const recent = new Map<string, Session>();
  /** Until when what is on disk is good enough. */
  const written = new Map<string, number>();

  const key = (conversation: string) => `session:${conversation}`;
  const isLive = (session: Session) => session.expiresAt > clock.now() + MARGIN_MS;

  function keep<T>(map: Map<string, T>, conversation: string, value: T): void {
    map.delete(conversation);
    map.set(conversation, value);
    if (map.size > MOST) map.delete(map.keys().next().value!);
  }

  return {
    async remember(conversation, webhook, expiresAt) {
      const url = URL.parse(webhook);
      if (url?.origin !== origin || url.username || !url.pathname.startsWith("/robot/")) {
        log.warn("sessionWebhook ignored: it is not at the host of oapi_base", { account, host: url?.host });
        return;
      }
      const session: Session = { path: url.pathname + url.search, expiresAt };
      if (!isLive(session)) return;
      keep(recent, conversation, session);
      if ((written.get(conversation) ?? 0) > clock.now()) return;
      await kv.set(key(conversation), session, { ttlMs: expiresAt - clock.now() });
      keep(written, conversation, expiresAt - FRESH_MS);
    },
    async find(conversation) {
      const known = recent.get(conversation);
      if (known && isLive(known)) return known.path;
      recent.delete(conversation);
      try {
        const stored = (await kv.get(key(conversation)))?.value as Session | undefined;
        if (!stored || !isLive(stored)) return undefined;
        keep(recent, conversation, stored);
        return stored.path;
      } catch (error) {
        log.warn("stored session not read", { account, error: errorText(error) });
        return undefined;
      }
    },
    async forget(conversation, path) {
      if (recent.get(conversation)?.path === path) recent.delete(conversation);
      written.delete(conversation);
      await kv.delete(key(conversation));
    },
  };
}
