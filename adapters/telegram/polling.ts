import { type AdapterContext, backoff, errorCode, errorText, type Service, sleep } from "clawdbot";
import { type BotApi, explain, Refusal } from "./bot-api.ts";
import type { BotIdentity } from "./bot-identity.ts";
import { ALLOWED_UPDATES } from "./normalise.ts";
import type { Take } from "./take.ts";
import type { Bot, Update } from "./types.ts";

/** Seconds for which Telegram holds a poll when there is nothing to say; it allows 50. */
const HOLD_S = 25;
/** A poll that is silent for longer is dead, whatever its connection says. */
const SILENCE_MS = (HOLD_S + 10) * 1000;
/** Telegram ends an answer near 4 MB. */
const MAX_BYTES = 16 * 1024 * 1024;
const PAUSE_MS = 500;
const LONGEST_PAUSE_MS = 15_000;

/**
 * Asks for updates, one call at a time, from start to stop, whatever happens in between. The next call confirms what the last one
 * brought, so it is made when that is on disk. The offset is not kept over a restart: Telegram knows what was confirmed, the store
 * knows what it has, and a number from another server would only mislead. https://core.telegram.org/bots/api#getupdates
 */
export function createPolling(on: { api: BotApi; identity: BotIdentity; take: Take; context: AdapterContext }): Service {
  const { api, identity, take, context } = on;
  const { clock, log, account } = context;
  let stopping: AbortController | undefined;
  let ended: Promise<unknown> = Promise.resolve();
  let trouble: number | string | undefined;
  let failures = 0;
  let offset: number | undefined;

  function receiving(): void {
    context.report({ receiving: true, detail: "" });
    if (trouble !== undefined) log.info("receiving", { account });
    trouble = undefined;
  }

  /** One line of log for each kind of trouble, not for each try. */
  function notReceiving(error: unknown): void {
    const detail = explain(error);
    const kind = error instanceof Refusal ? error.status : errorCode(error);
    context.report({ receiving: false, detail });
    if (kind !== trouble) log.warn("not receiving, will try again", { account, error: detail });
    trouble = kind;
  }

  /** Any webhook goes, or every poll would be refused; what waits there is kept. https://core.telegram.org/bots/api#deletewebhook */
  async function connect(signal: AbortSignal): Promise<Bot> {
    const bot = await identity.refresh({ signal });
    await api.call("deleteWebhook", { drop_pending_updates: false }, { signal });
    receiving();
    return bot;
  }

  async function poll(bot: Bot, signal: AbortSignal): Promise<void> {
    const parameters = { timeout: HOLD_S, allowed_updates: ALLOWED_UPDATES, ...(offset !== undefined && { offset }) };
    const updates = await api.call<Update[]>("getUpdates", parameters, { signal, timeoutMs: SILENCE_MS, maxBytes: MAX_BYTES });
    receiving();
    const taken = await takeAll(updates, bot);
    // Of the last batch alone: after a week of silence the next id may be a smaller one.
    const last = updates[taken - 1];
    if (last) offset = last.update_id + 1;
    if (taken === updates.length) failures = 0;
    else await pause(signal);
  }

  /**
   * How many of them, from the first on, are taken. Chats do not wait for each other; in a chat nothing is taken after one that was not,
   * and what was taken behind it is known as a duplicate when it comes again.
   */
  async function takeAll(updates: readonly Update[], bot: Bot): Promise<number> {
    const lanes = new Map<unknown, number[]>();
    for (const [index, update] of updates.entries()) {
      const lane = lanes.get(chatOf(update));
      if (lane) lane.push(index);
      else lanes.set(chatOf(update), [index]);
    }
    let reason: unknown;
    const stoppedAt = await Promise.all(
      Array.from(lanes.values(), async (lane) => {
        for (const index of lane) {
          try {
            await take(updates[index]!, bot);
          } catch (error) {
            reason = error;
            return index;
          }
        }
        return updates.length;
      }),
    );
    const taken = Math.min(updates.length, ...stoppedAt);
    if (taken < updates.length) log.warn("updates not taken, will be asked for again", { account, error: errorText(reason) });
    return taken;
  }

  function pause(signal: AbortSignal, error?: unknown): Promise<void> {
    failures++;
    const asked = error instanceof Refusal ? (error.retryAfterMs ?? 0) : 0;
    return sleep(clock, Math.max(asked, backoff(context.random, failures, PAUSE_MS, LONGEST_PAUSE_MS)), signal);
  }

  async function run(first: Bot | undefined, signal: AbortSignal): Promise<void> {
    let bot = first;
    if (!bot) await pause(signal);
    while (!signal.aborted) {
      try {
        bot ??= await connect(signal);
        await poll(bot, signal);
      } catch (error) {
        if (signal.aborted) return;
        notReceiving(error);
        await pause(signal, error);
      }
    }
  }

  return {
    async start() {
      if (stopping) return;
      stopping = new AbortController();
      const { signal } = stopping;
      trouble = undefined;
      failures = 0;
      offset = undefined;
      const bot = await connect(signal).catch((error: unknown) => {
        notReceiving(error);
        return undefined;
      });
      ended = run(bot, signal).catch(() => undefined);
    },
    async stop() {
      stopping?.abort(new Error("the channel is stopped"));
      stopping = undefined;
      await ended;
    },
  };
}

function chatOf({ message, edited_message, channel_post, edited_channel_post, callback_query, my_chat_member }: Update): unknown {
  const about = message ?? edited_message ?? channel_post ?? edited_channel_post ?? callback_query?.message ?? my_chat_member;
  // Nothing about an update is certain before it is understood, and a strange one must not end the poll.
  return about?.chat?.id ?? callback_query?.from?.id;
}
