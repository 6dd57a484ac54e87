import {
  type AdapterContext,
  type Attempt,
  ClawdbotError,
  errorCode,
  errorText,
  RateLimitError,
  RejectedError,
  type Reply,
  type SendResult,
  UnreachableError,
} from "clawdbot";
import { type BotApi, type CallOptions, explain, Refusal } from "./bot-api.ts";
import type { TelegramConfig } from "./config.ts";
import type { FloodWaits } from "./flood-waits.ts";
import type { Migrations } from "./migrations.ts";
import { platformIdOf } from "./normalise.ts";
import { type Outgoing, outgoing } from "./outgoing.ts";
import type { Previews } from "./preview.ts";
import type { TelegramMessage } from "./types.ts";

/** An upload may have 50 MB. */
const UPLOAD_MS = 60_000;

export interface SendParts {
  config: Pick<TelegramConfig, "on_unknown">;
  context: AdapterContext;
  api: BotApi;
  floods: FloodWaits;
  migrations: Migrations;
  previews: Previews;
}

/** Sends one reply with one call: a new message, or the last edit of its preview. https://core.telegram.org/bots/api#sendmessage */
export function createSend(on: SendParts): (reply: Reply, attempt: Attempt) => Promise<SendResult> {
  const { api, floods, migrations, previews } = on;

  async function sendNew({ method, parameters, file }: Outgoing, chat: string, signal: AbortSignal): Promise<SendResult> {
    const options: CallOptions = { signal, ...(file && { file, timeoutMs: UPLOAD_MS }) };
    try {
      const sent = await api.call<TelegramMessage>(method, parameters, options);
      return { platformId: platformIdOf(chat, sent.message_id) };
    } catch (error) {
      throw unknownOutcome(await meaning(error, chat));
    }
  }

  /** Doing it twice changes nothing, so an unknown outcome does no harm here. */
  async function replacePreview(messageId: number, reply: Reply, call: Outgoing, chat: string, signal: AbortSignal): Promise<SendResult> {
    const { text, entities } = call.parameters;
    const result = { platformId: platformIdOf(chat, messageId), detail: "edited" };
    try {
      await api.call("editMessageText", { chat_id: chat, message_id: messageId, text, ...(entities ? { entities } : {}) }, { signal });
      return result;
    } catch (error) {
      if (!(error instanceof Refusal) || error.status !== 400 || error.migratedTo) throw await meaning(error, chat);
      if (error.message.includes("message is not modified")) return result;
      previews.drop(reply);
      throw new UnreachableError(`the preview cannot be edited, a new message will be sent: ${explain(error)}`);
    }
  }

  /** What a failed call means for the reply. Decides by numbers: descriptions are no contract. */
  async function meaning(error: unknown, chat: string): Promise<unknown> {
    if (!(error instanceof Refusal)) return error;
    const { status, retryAfterMs, migratedTo } = error;
    const said = explain(error);
    if (migratedTo !== undefined) {
      await migrations.note(chat, migratedTo);
      return new UnreachableError(`${said}; it will be sent to ${migratedTo}`);
    }
    if (status === 429) {
      const ms = retryAfterMs ?? 1000;
      floods.note(chat, ms);
      return new RateLimitError(ms, said);
    }
    // Not taken, and an operator can cure it without touching the reply.
    if (status === 401 || status === 404) return new UnreachableError(said);
    if (status < 500) return new RejectedError(said, status);
    return new ClawdbotError("CLAWDBOT_ERR_PLATFORM", said, { retryable: true });
  }

  /** Telegram has no idempotency key: what may have been sent is sent again only where the operator prefers that to a dead letter. */
  function unknownOutcome(error: unknown): unknown {
    const known = error instanceof RejectedError || error instanceof RateLimitError || error instanceof UnreachableError;
    // Not even begun: it waits for the next start.
    if (errorCode(error) === "CLAWDBOT_ERR_STOPPING") return error;
    if (known || on.config.on_unknown === "resend") return error;
    return new RejectedError(`unknown outcome, not sent again: ${errorText(error)}`, "unknown_outcome", error);
  }

  return async (reply, { signal }) => {
    const chat = migrations.current(reply.conversation.id);
    const call = outgoing(reply, chat);
    const preview = call.method === "sendMessage" && chat === reply.conversation.id ? await previews.claim(reply) : undefined;
    floods.check(chat);
    return preview === undefined ? await sendNew(call, chat, signal) : await replacePreview(preview, reply, call, chat, signal);
  };
}
