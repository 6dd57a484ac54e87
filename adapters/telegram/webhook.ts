import { type AdapterContext, backoff, OverloadedError, type Service, sleep } from "clawdbot";
import { type BotApi, explain } from "./bot-api.ts";
import type { BotIdentity } from "./bot-identity.ts";
import { ALLOWED_UPDATES } from "./normalise.ts";
import type { Take } from "./take.ts";
import type { Update } from "./types.ts";
import { createVerifier } from "./verify.ts";

export const PATH = "/clawdbot/telegram/callback";

const PAUSE_MS = 1000;
const LONGEST_PAUSE_MS = 60_000;
/** Chats that Telegram may deliver of at a time; in one chat it waits for each answer. */
const CONNECTIONS = 40;

/**
 * Takes the updates that Telegram posts, and answers 200 once each is on disk: anything else has it deliver again, for a day. Where
 * server.public_url is set the daemon tells Telegram the address itself; otherwise somebody else has to.
 * https://core.telegram.org/bots/api#setwebhook
 */
export function createWebhook(on: { api: BotApi; identity: BotIdentity; take: Take; context: AdapterContext; secret: string }): Service {
  const { api, identity, take, context, secret } = on;
  const verify = createVerifier(secret);
  let stopping: AbortController | undefined;
  let ended: Promise<unknown> = Promise.resolve();

  context.route("POST", PATH, async (request) => {
    const update = verify(request);
    if (!stopping) throw new OverloadedError("the channel is stopped");
    const { bot } = identity;
    if (!bot && needsName(update)) throw new OverloadedError("the bot's name is not known yet");
    await take(update, bot ?? identity.unnamed);
    return { status: 200, body: "" };
  });

  async function register(signal: AbortSignal): Promise<void> {
    await identity.refresh({ signal });
    if (context.publicUrl !== undefined) {
      const url = context.publicUrl + PATH;
      const parameters = { url, secret_token: secret, max_connections: CONNECTIONS, allowed_updates: ALLOWED_UPDATES };
      await api.call("setWebhook", parameters, { signal });
      context.log.info("webhook set", { account: context.account, url });
    }
    context.report({ receiving: true, detail: "" });
  }

  async function registerUntilDone(signal: AbortSignal): Promise<void> {
    for (let failures = 1; ; failures++) {
      await sleep(context.clock, backoff(context.random, failures, PAUSE_MS, LONGEST_PAUSE_MS), signal);
      try {
        return await register(signal);
      } catch (error) {
        failed(error);
      }
    }
  }

  /** What is posted is taken all the same. */
  function failed(error: unknown): void {
    const detail = explain(error);
    context.report({ receiving: context.publicUrl === undefined, detail });
    context.log.warn("webhook not set up, will try again", { account: context.account, error: detail });
  }

  return {
    async start() {
      if (stopping) return;
      stopping = new AbortController();
      const { signal } = stopping;
      try {
        await register(signal);
      } catch (error) {
        failed(error);
        ended = registerUntilDone(signal).catch(() => undefined);
      }
    },
    async stop() {
      stopping?.abort(new Error("the channel is stopped"));
      stopping = undefined;
      await ended;
    },
  };
}

/** Whether it takes the bot's name to see if an update is for it. */
function needsName({ message, channel_post }: Update): boolean {
  const posted = message ?? channel_post;
  return posted !== undefined && posted.chat.type !== "private";
}
