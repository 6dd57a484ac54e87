import { Agent, request } from "node:http";
import { errorCode } from "clawdbot";
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
  let agent = new Agent({ keepAlive: true, maxSockets: CONNECTIONS });

  function deliver(body: string, secret: string | undefined): Promise<number | string> {
    return new Promise((resolve) => {
      const headers = {
        "content-type": "application/json",
        "content-length": Buffer.byteLength(body),
        ...(secret !== undefined && { "x-telegram-bot-api-secret-token": secret }),
      };
      const call = request(`${on.daemonUrl()}${PATH}`, { method: "POST", agent, headers, timeout: PATIENCE_MS }, (response) => {
        response.resume();
        response.on("end", () => resolve(response.statusCode!));
        response.on("error", (error) => resolve(errorCode(error)));
      });
      call.on("timeout", () => call.destroy(Object.assign(new Error("no answer"), { code: "timeout" })));
      call.on("error", (error) => resolve(errorCode(error)));
      call.end(body);
    });
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
    stop() {
      agent.destroy();
      agent = new Agent({ keepAlive: true, maxSockets: CONNECTIONS });
    },
  };
}

export function isForgery(kind: string): kind is Forgery {
  return (FORGERIES as readonly string[]).includes(kind);
}
