import { WebhookClient } from "clawdbot";
import type { Update } from "./types.ts";
import { PATH } from "./webhook.ts";

/** Telegram waits a minute: https://core.telegram.org/bots/api#setwebhook */
const PATIENCE_MS = 60_000;
const CONNECTIONS = 40;

export const FORGERIES = ["unsigned", "empty-secret", "other-secret", "secret-prefix", "not-json", "not-an-update"] as const;
export type Forgery = (typeof FORGERIES)[number];

export interface WebhookSender {
  /** One delivery: the status, or why there was none. */
  post(update: Update): Promise<number | string>;
  forge(kind: Forgery, update: Update): Promise<number | string>;
  stop(): void;
}

/** Posts updates to the daemon as Telegram does. */
export function createWebhookSender(on: { daemonUrl(): string; secret(): string | undefined }): WebhookSender {
  const client = new WebhookClient({ connections: CONNECTIONS, patienceMs: PATIENCE_MS });

  async function deliver(body: string, secret: string | undefined): Promise<number | string> {
    const headers = { "content-type": "application/json", ...(secret !== undefined && { "x-telegram-bot-api-secret-token": secret }) };
    return (await client.post(`${on.daemonUrl()}${PATH}`, body, headers)).status;
  }

  return {
    post: (update) => deliver(JSON.stringify(update), on.secret()),
    forge(kind, update) {
      const body = JSON.stringify(update);
      const secret = on.secret() ?? "";
      switch (kind) {
        case "unsigned":
          return deliver(body, undefined);
        case "empty-secret":
          return deliver(body, "");
        case "other-secret":
          return deliver(body, `not-${secret}`);
        case "secret-prefix":
          return deliver(body, secret.slice(0, -1));
        case "not-json":
          return deliver(body.slice(0, -1), secret);
        case "not-an-update":
          return deliver("[]", secret);
      }
    },
    stop: () => client.stop(),
  };
}

export function isForgery(kind: string): kind is Forgery {
  return (FORGERIES as readonly string[]).includes(kind);
}
