import { type AdapterContext, ClawdbotError, errorText, type HttpResponse } from "clawdbot";
import type { TelegramConfig } from "./config.ts";
import { encodeMultipart, type FilePart } from "./multipart.ts";

export interface CallOptions {
  signal?: AbortSignal;
  timeoutMs?: number;
  maxBytes?: number;
  /** Goes along as a part of its own; without it the call is JSON. */
  file?: FilePart;
}

/**
 * Calls methods of one bot, each once. Rejects with Refusal for what Telegram answered, and with the errors of HttpClient or PLATFORM for
 * what was no answer of Telegram's: what such a call did is unknown, unless the error is UnreachableError.
 * https://core.telegram.org/bots/api#making-requests
 */
export interface BotApi {
  call<Result>(method: string, parameters: Readonly<Record<string, unknown>>, options?: CallOptions): Promise<Result>;
}

/** Telegram's "no". Its description is for people, not a contract. */
export class Refusal extends Error {
  /** error_code, which is the HTTP status too. */
  readonly status: number;
  readonly retryAfterMs: number | undefined;
  /** The group has become a supergroup with this id. */
  readonly migratedTo: string | undefined;

  constructor({ error_code, description, parameters = {} }: RefusedAnswer) {
    super(description.replace(/\s+/g, " ").slice(0, 200));
    this.name = "Refusal";
    this.status = error_code;
    this.retryAfterMs = parameters.retry_after === undefined ? undefined : parameters.retry_after * 1000;
    this.migratedTo = parameters.migrate_to_chat_id === undefined ? undefined : String(parameters.migrate_to_chat_id);
  }
}

interface RefusedAnswer {
  ok: false;
  error_code: number;
  description: string;
  parameters?: { retry_after?: number; migrate_to_chat_id?: number | string };
}

type Answer = { ok: true; result: unknown } | RefusedAnswer;

export function createBotApi(
  config: Pick<TelegramConfig, "api_base" | "token">,
  context: Pick<AdapterContext, "client" | "random">,
): BotApi {
  // Connections of its own for each bot: the polls of many would otherwise take them from everybody's sends.
  const client = context.client(`${config.api_base.replace(/\/+$/, "")}/bot${config.token}`);
  return {
    async call<Result>(method: string, parameters: Readonly<Record<string, unknown>>, { file, ...options }: CallOptions = {}) {
      const { body, contentType } = file
        ? encodeMultipart(parameters, file, context.random)
        : { body: JSON.stringify(parameters), contentType: "application/json" };
      const headers = { "content-type": contentType };
      const answer = parseAnswer(await client.request("POST", `/${method}`, { ...options, headers, body }));
      if (!answer.ok) throw new Refusal(answer);
      return answer.result as Result;
    },
  };
}

/** A proxy in between may have answered in place of Telegram. */
function parseAnswer({ status, body }: HttpResponse): Answer {
  try {
    const answer = JSON.parse(body.toString("utf8")) as Answer | null;
    if (answer?.ok === true) return answer;
    if (answer?.ok === false && typeof answer.error_code === "number" && typeof answer.description === "string") return answer;
  } catch {
    // Said below.
  }
  throw new ClawdbotError("CLAWDBOT_ERR_PLATFORM", `HTTP ${status} without an answer of the Bot API: is api_base right?`, {
    retryable: true,
  });
}

/** Anything that a call threw, as one line for the operator, with what to look at. */
export function explain(error: unknown): string {
  if (!(error instanceof Refusal)) return errorText(error);
  const said = `Telegram answers ${error.status}: ${error.message}`;
  if (error.status === 401 || error.status === 404) return `${said}; check token and api_base`;
  if (error.status === 409) return `${said}; only one program may poll with a token`;
  return said;
}
