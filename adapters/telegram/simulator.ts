import { defineSimulator, type Offered, SentLog, type Simulator, type SimulatorOptions, sleep, systemClock } from "clawdbot";
import { telegramConfig } from "./config.ts";
import { createSimulatedApi, type PollFault, type Webhook } from "./simulator-api.ts";
import { idOf, SimulatedChats } from "./simulator-chats.ts";
import { type Queued, UpdateQueue } from "./simulator-updates.ts";
import { createWebhookSender, FORGERIES, isForgery } from "./simulator-webhook.ts";
import type { Chat, MessageEntity, Update, User } from "./types.ts";

/** Telegram tries for a day; here it ends. */
const RETRIES = 5;
const RETRY_DELAY_MS = 1000;
/** A bot that does not ask for so long is not there. */
const ABSENT_MS = 20_000;

/** Beside what every simulator does. */
export interface TelegramSimulator extends Simulator {
  readonly webhook: Webhook | undefined;
  /** Updates that the bot has not confirmed. */
  readonly waiting: number;
  /** Something happens to the bot; resolves as say() does. */
  happen(event: Omit<Update, "update_id">, options?: { duplicate?: number }): Promise<Offered>;
  /** An id that was never used. */
  nextId(): number;
  pollFault(fault: PollFault | null): void;
  block(chat: string): void;
  migrate(from: string, to: string): void;
}

/** Plays Telegram for one bot: people write to it, its API takes the replies. */
export function createTelegramSimulator(options: SimulatorOptions): TelegramSimulator {
  const { clock = systemClock, retries = RETRIES, retryDelayMs = RETRY_DELAY_MS } = options;
  const config = telegramConfig.parse(options.config);
  const bot: User = { id: Number(config.token.split(":")[0]), is_bot: true, first_name: "Simulated", username: "Simulated_Bot" };
  // Ids keep ascending over restarts of the simulator.
  let lastId = clock.now() * 1000;
  const nextId = () => ++lastId;
  const log = new SentLog(clock);
  const updates = new UpdateQueue(clock);
  const chats = new SimulatedChats({
    bot,
    clock,
    nextId,
    rateLimits: options.rateLimits ?? false,
    onSent: (record) => log.add(record),
  });
  const api = createSimulatedApi({
    token: config.token,
    bot,
    clock,
    listen: options.listen ?? { host: "127.0.0.1", port: 0 },
    updates,
    chats,
  });
  const known = new Map<string, Update>();
  const lanes = new Map<unknown, Promise<unknown>>();
  let daemonUrl = options.daemonUrl;
  const sender = createWebhookSender({ daemonUrl: () => daemonUrl, secret: () => api.webhook?.secret ?? config.webhook_secret });

  /** Resolves when a poll has confirmed it, or when it was delivered in vain too often. It stays in the queue then. */
  function queue(update: Update, offered: Offered): Promise<void> {
    return new Promise((resolve) => {
      const end = () => {
        clock.clearTimeout(absent);
        resolve();
      };
      const queued: Queued = {
        update,
        again: known.has(offered.id),
        delivered: 0,
        onConfirmed() {
          offered.acked = true;
          offered.answers.push(200);
          end();
        },
        onDelivered(times) {
          if (times > 1) offered.answers.push("not confirmed");
          if (times > retries) end();
        },
      };
      const absent = clock.setTimeout(end, ABSENT_MS);
      updates.push(queued);
    });
  }

  async function post(update: Update, offered: Offered): Promise<void> {
    for (let attempt = 0; attempt <= retries; attempt++) {
      if (attempt > 0) await sleep(clock, retryDelayMs);
      const answer = await sender.post(update);
      offered.answers.push(answer);
      if (typeof answer !== "number" || answer < 200 || answer > 299) continue;
      offered.acked = true;
      return;
    }
  }

  /** The updates of one chat are posted one after another. */
  function postInOrder(update: Update, offered: Offered): Promise<void> {
    const chat = update.message?.chat.id ?? update.update_id;
    const done = (lanes.get(chat) ?? Promise.resolve()).then(() => post(update, offered));
    lanes.set(chat, done);
    return done;
  }

  async function deliver(update: Update, id: string, duplicate: number): Promise<Offered> {
    const offered: Offered = { id, acked: false, answers: [] };
    if (!updates.isAllowed(update)) return offered;
    const way = config.mode === "webhook" ? postInOrder : queue;
    const deliveries = Array.from({ length: duplicate }, () => way(update, offered));
    known.set(id, update);
    await Promise.all(deliveries);
    return offered;
  }

  function written(text: string, from: string, group: string | undefined): Update {
    const chat: Chat =
      group === undefined ? { id: idOf(from), type: "private", first_name: from } : { id: idOf(group), type: "supergroup", title: group };
    const message = {
      message_id: nextId(),
      date: Math.floor(clock.now() / 1000),
      chat,
      from: { id: idOf(from), is_bot: false, first_name: from },
      text,
      ...entitiesOf(text),
    };
    return { update_id: nextId(), message };
  }

  return {
    sent: log.records,
    calls: api.calls,
    nextId,
    get apiBase() {
      return api.base;
    },
    get webhook() {
      return api.webhook;
    },
    get waiting() {
      return updates.size;
    },
    get daemonUrl() {
      return daemonUrl;
    },
    set daemonUrl(url) {
      daemonUrl = url;
    },
    start: api.start,
    async stop() {
      sender.stop();
      await api.stop();
    },
    async say({ text, from, group, id }, { duplicate = 1, forge } = {}) {
      const update = (id === undefined ? undefined : known.get(id)) ?? written(text, from, group);
      const name = id ?? String(update.update_id);
      if (forge === undefined) return await deliver(update, name, duplicate);
      if (!isForgery(forge)) throw new TypeError(`no such forgery: ${forge}`);
      const answer = await sender.forge(forge, update);
      return { id: name, acked: answer === 200, answers: [answer] };
    },
    happen(event, { duplicate = 1 } = {}) {
      const update: Update = { update_id: nextId(), ...event };
      return deliver(update, String(update.update_id), duplicate);
    },
    waitForSent: (n, options) => log.waitFor(n, options),
    onSent: (listener) => log.listen(listener),
    fault: api.fault,
    pollFault: api.pollFault,
    block: (chat) => chats.block(chat),
    migrate: (from, to) => chats.migrate(from, to),
  };
}

/** Commands and mentions, as the platform finds them. */
function entitiesOf(text: string): { entities?: MessageEntity[] } {
  const entities = Array.from(text.matchAll(/(?<=^|\s)(?:\/\w+(?:@\w+)?|@\w{5,})/g), ({ 0: word, index }): MessageEntity => {
    return { type: word.startsWith("/") ? "bot_command" : "mention", offset: index, length: word.length };
  });
  return entities.length > 0 ? { entities } : {};
}

export default defineSimulator({
  config: (apiBase) => ({ token: "123456789:simulated-bot-token", api_base: apiBase }),
  forgeries: FORGERIES,
  create: createTelegramSimulator,
});
