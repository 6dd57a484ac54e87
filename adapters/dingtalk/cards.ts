import {
  type AdapterContext,
  type Conversation,
  errorText,
  type Message,
  RateLimitError,
  RejectedError,
  type Reply,
  type SendResult,
  type Timer,
  UnreachableError,
} from "clawdbot";
import type { CardApi } from "./card-api.ts";

/** Between two updates of one card: people read no faster, and the platform counts. */
const EVERY_MS = 1000;
/** A card whose reply has not come by then is ended with what it shows. */
const WAIT_MS = 600_000;
const MAX_TRIES = 5;
/** No card is made for this long after the platform refused one: most likely the app has no permission for cards. */
const REFUSED_MS = 600_000;
const STOP_MS = 3000;
const FORGET_MS = 86_400_000;
const MOST = 1000;
const INTERRUPTED = "（回答中断 / interrupted）";

/** Replies that are shown while they are being made, each in a card that becomes the reply. */
export interface Cards {
  preview(message: Message, textSoFar: string): void;
  /** Makes the message's card this reply for good; undefined when there is none that can be used: then send it another way. */
  finish(reply: Reply, text: string, signal: AbortSignal): Promise<SendResult | undefined>;
  /** Takes over the cards of the last run. */
  start(): Promise<void>;
  /** Ends every card that still waits for its reply. */
  stop(): Promise<void>;
}

/** As it lies in the store before the platform hears of it, so that a crash leaves no card behind. */
interface StoredCard {
  messageId: string;
  /** The reply that is on the screen for good: only the spinner has to end. */
  final?: { replyId: string; text: string };
}

interface Card extends StoredCard {
  id: string;
  /** What is on the screen; empty when nothing is, or nobody knows what. */
  shown: string;
  wanted: string;
  /** Its creation, then its updates, one after the other; resolves with whether there may be a card. */
  work: Promise<boolean>;
  updating: boolean;
  next: Timer | undefined;
  deadline: Timer | undefined;
  tries: number;
}

export function createCards(api: CardApi, on: Pick<AdapterContext, "clock" | "kv" | "log" | "account"> & { newId: () => string }): Cards {
  const { clock, kv, log, account } = on;
  const byMessage = new Map<string, Card>();
  let loading: Promise<void> | undefined;
  let loaded = false;
  let silentUntil = 0;

  const isKept = (card: Card) => byMessage.get(card.messageId) === card;

  function add(id: string, stored: StoredCard, work: Promise<boolean>): Card {
    const shown = stored.final?.text ?? "";
    const card: Card = { ...stored, id, work, shown, wanted: shown, updating: false, next: undefined, deadline: undefined, tries: 0 };
    byMessage.set(card.messageId, card);
    waitFor(card);
    return card;
  }

  function waitFor(card: Card): void {
    clock.clearTimeout(card.deadline);
    if (!isKept(card)) return;
    card.deadline = clock.setTimeout(() => void abandon(card), WAIT_MS);
    card.deadline.unref();
  }

  async function store(id: string, { messageId, final }: StoredCard): Promise<void> {
    await kv.set(`card:${id}`, { messageId, ...(final && { final }) }, { ttlMs: FORGET_MS });
  }

  async function drop(card: Card): Promise<void> {
    clock.clearTimeout(card.next);
    clock.clearTimeout(card.deadline);
    if (isKept(card)) byMessage.delete(card.messageId);
    await kv.delete(`card:${card.id}`);
  }

  async function create(id: string, stored: StoredCard, conversation: Conversation): Promise<boolean> {
    try {
      await store(id, stored);
      await api.create(id, conversation);
      return true;
    } catch (error) {
      silentUntil = clock.monotonic() + (error instanceof RateLimitError ? error.retryAfterMs : REFUSED_MS);
      log.warn("no card for a reply in the making", { account, error: errorText(error) });
      return !isRefused(error) && !(error instanceof RateLimitError);
    }
  }

  /** Shows what is wanted now, and later again when that has changed: what comes in between is left out. */
  function update(card: Card): void {
    if (card.updating || card.next || card.wanted === card.shown) return;
    card.updating = true;
    card.work = card.work.then(async (exists) => {
      if (!exists) return false;
      let pause = EVERY_MS;
      const text = card.wanted;
      try {
        if (text !== card.shown) await api.show(card.id, text, false);
        card.shown = text;
      } catch (error) {
        if (error instanceof RateLimitError) pause = Math.max(pause, error.retryAfterMs);
        log.debug("card not updated", { account, error: errorText(error) });
      }
      card.next = clock.setTimeout(() => {
        card.next = undefined;
        if (isKept(card)) update(card);
      }, pause);
      card.next.unref();
      card.updating = false;
      return true;
    });
  }

  /** Ends the spinner of a card that shows its last text; what is left undone is made up for later. */
  async function close(card: Card, signal?: AbortSignal): Promise<void> {
    try {
      await api.finish(card.id, card.shown, signal);
      await drop(card);
    } catch (error) {
      log.warn("card not ended yet", { account, error: errorText(error) });
      await store(card.id, card);
      waitFor(card);
    }
  }

  /** No reply came for it. */
  async function abandon(card: Card): Promise<void> {
    try {
      if (!(await card.work) || ++card.tries > MAX_TRIES) return await drop(card);
      if (!card.final) {
        const text = card.shown || INTERRUPTED;
        await api.show(card.id, text, true);
        card.shown = text;
      }
      await close(card);
    } catch (error) {
      log.warn("card not ended", { account, error: errorText(error) });
      waitFor(card);
    }
  }

  async function load(): Promise<void> {
    for (const { key, value } of await kv.list("card:", MOST)) add(key.slice("card:".length), value as StoredCard, Promise.resolve(true));
    loaded = true;
  }

  function start(): Promise<void> {
    loading ??= load().catch((error: unknown) => {
      loading = undefined;
      throw error;
    });
    return loading;
  }

  return {
    start,
    preview(message, textSoFar) {
      const known = byMessage.get(message.id);
      if (!loaded || known?.final || textSoFar.trim() === "") return;
      if (!known && (clock.monotonic() < silentUntil || byMessage.size >= MOST)) return;
      const card = known ?? begin(message);
      card.wanted = textSoFar;
      waitFor(card);
      update(card);
    },
    async finish(reply, text, signal) {
      if (reply.messageId === undefined) return undefined;
      await start();
      const card = byMessage.get(reply.messageId);
      if (!card) return undefined;
      const result = { platformId: card.id, detail: "card" };
      if (card.final) return card.final.replyId === reply.id ? result : undefined;
      card.wanted = card.shown;
      if (!(await card.work)) {
        await drop(card);
        return undefined;
      }
      clock.clearTimeout(card.next);
      card.next = undefined;
      try {
        await api.show(card.id, text, true, signal);
      } catch (error) {
        if (!isRefused(error)) throw error;
        log.warn("card not usable for its reply", { account, error: errorText(error) });
        return undefined;
      }
      card.shown = text;
      card.final = { replyId: reply.id, text };
      await close(card, signal);
      return result;
    },
    async stop() {
      let limit: Timer | undefined;
      const late = new Promise<void>((resolve) => {
        limit = clock.setTimeout(resolve, STOP_MS);
      });
      await Promise.race([Promise.all([...byMessage.values()].map(abandon)), late]);
      clock.clearTimeout(limit);
      for (const card of byMessage.values()) {
        clock.clearTimeout(card.next);
        clock.clearTimeout(card.deadline);
      }
      byMessage.clear();
      loading = undefined;
      loaded = false;
    },
  };

  function begin({ id: messageId, conversation }: Message): Card {
    const id = on.newId();
    return add(id, { messageId }, create(id, { messageId }, conversation));
  }
}

/** Surely nothing is on the screen, and trying again would not help soon. */
function isRefused(error: unknown): boolean {
  return error instanceof RejectedError || error instanceof UnreachableError;
}
