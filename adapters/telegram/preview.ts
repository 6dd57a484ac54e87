import { type AdapterContext, errorText, type Message, type Reply, type Timer } from "clawdbot";
import { type BotApi, Refusal } from "./bot-api.ts";
import type { FloodWaits } from "./flood-waits.ts";
import type { Migrations } from "./migrations.ts";
import { MAX_TEXT } from "./split.ts";
import type { TelegramMessage } from "./types.ts";

/** ms between two edits; groups may have 20 messages a minute. https://core.telegram.org/bots/faq#my-bot-is-hitting-limits-how-do-i-avoid-this */
const PAUSE_MS = { direct: 1500, group: 3000 } as const;
const PREFIX = "preview:";
const KEPT_MS = 86_400_000;
const MOST = 1000;

/**
 * Shows a reply while it is being made: as a message that grows by edits, and that the reply itself then takes the place of. Best
 * effort; only the reply counts, and it never waits for a preview but for the one call that is under way.
 */
export interface Previews {
  load(): Promise<void>;
  show(message: Message, textSoFar: string): void;
  /**
   * Ends the previews of the reply's message. Resolves with the message_id that this reply is to take the place of; once it is on disk
   * which of the message's replies does so, no other one will.
   */
  claim(reply: Reply): Promise<number | undefined>;
  /** The preview cannot be edited any more: the reply is a message of its own. */
  drop(reply: Reply): void;
  /** The reply has been sent. */
  done(reply: Reply): void;
  stop(): void;
}

/** What is kept over a restart. */
interface Stored {
  messageId: number;
  /** Id of the reply that takes its place. */
  claimedBy?: string;
}

interface Preview extends Partial<Stored> {
  text: string;
  shown: string;
  closed: boolean;
  /** Monotonic. */
  nextAt: number;
  timer?: Timer | undefined;
  busy?: Promise<void> | undefined;
}

export function createPreviews(on: { api: BotApi; floods: FloodWaits; migrations: Migrations; context: AdapterContext }): Previews {
  const { api, floods, migrations, context } = on;
  const { clock, kv, log, account } = context;
  const previews = new Map<string, Preview>();

  function previewOf(messageId: string): Preview {
    let preview = previews.get(messageId);
    if (!preview) {
      preview = { text: "", shown: "", closed: false, nextAt: 0 };
      previews.set(messageId, preview);
      if (previews.size > MOST) previews.delete(previews.keys().next().value!);
    }
    return preview;
  }

  function schedule(message: Message, preview: Preview): void {
    if (preview.closed || preview.timer || preview.busy || preview.text === preview.shown) return;
    const chat = migrations.current(message.conversation.id);
    const ms = Math.max(preview.nextAt - clock.monotonic(), floods.remaining(chat));
    preview.timer = clock.setTimeout(() => {
      preview.timer = undefined;
      preview.busy = draw(message, preview, chat).finally(() => {
        preview.busy = undefined;
        schedule(message, preview);
      });
    }, ms);
    preview.timer.unref();
  }

  async function draw(message: Message, preview: Preview, chat: string): Promise<void> {
    const text = preview.text;
    try {
      if (preview.messageId === undefined) await begin(message, preview, chat, text);
      else await api.call("editMessageText", { chat_id: chat, message_id: preview.messageId, text });
    } catch (error) {
      if (error instanceof Refusal && error.retryAfterMs !== undefined) floods.note(chat, error.retryAfterMs);
      // Whether the first one is there is not known: another would stand beside it.
      else if (preview.messageId === undefined) preview.closed = true;
      log.debug("preview not shown", { account, error: errorText(error) });
    }
    preview.shown = text;
    preview.nextAt = clock.monotonic() + PAUSE_MS[message.conversation.type];
  }

  async function begin(message: Message, preview: Preview, chat: string, text: string): Promise<void> {
    const { topic, id } = message.conversation;
    const thread = topic !== undefined && chat === id ? { message_thread_id: Number(topic) } : {};
    const sent = await api.call<TelegramMessage>("sendMessage", { chat_id: chat, ...thread, text, disable_notification: true });
    preview.messageId = sent.message_id;
    await kv.set(PREFIX + message.id, { messageId: sent.message_id } satisfies Stored, { ttlMs: KEPT_MS });
  }

  /** Nothing is shown of it any more: a skill may speak on after its end. */
  function end(messageId: string, preview: Preview): void {
    preview.closed = true;
    if (preview.messageId === undefined) return;
    delete preview.messageId;
    kv.delete(PREFIX + messageId).catch((error: unknown) => log.debug("preview not forgotten", { account, error: errorText(error) }));
  }

  return {
    async load() {
      for (const { key, value } of await kv.list(PREFIX, MOST)) {
        previews.set(key.slice(PREFIX.length), { text: "", shown: "", closed: false, nextAt: 0, ...(value as Stored) });
      }
    },
    show(message, textSoFar) {
      const text = firstOf(textSoFar);
      if (text.trim() === "") return;
      const preview = previewOf(message.id);
      preview.text = text;
      schedule(message, preview);
    },
    async claim({ id, messageId }) {
      const preview = messageId === undefined ? undefined : previews.get(messageId);
      if (!preview) return undefined;
      preview.closed = true;
      clock.clearTimeout(preview.timer);
      preview.timer = undefined;
      await preview.busy;
      if (preview.messageId === undefined) return undefined;
      if (preview.claimedBy === undefined) {
        const claim: Stored = { messageId: preview.messageId, claimedBy: id };
        await kv.set(PREFIX + messageId, claim, { ttlMs: KEPT_MS });
        preview.claimedBy = id;
      }
      return preview.claimedBy === id ? preview.messageId : undefined;
    },
    drop({ messageId }) {
      const preview = messageId === undefined ? undefined : previews.get(messageId);
      if (preview) end(messageId!, preview);
    },
    done({ id, messageId }) {
      const preview = messageId === undefined ? undefined : previews.get(messageId);
      if (preview?.claimedBy === id) end(messageId!, preview);
    },
    stop() {
      for (const preview of previews.values()) {
        preview.closed = true;
        clock.clearTimeout(preview.timer);
      }
      previews.clear();
    },
  };
}

/** As much as one message holds. */
function firstOf(text: string): string {
  if (text.length <= MAX_TEXT) return text;
  return `${[...text.slice(0, 2 * MAX_TEXT)].slice(0, MAX_TEXT - 1).join("")}…`;
}
