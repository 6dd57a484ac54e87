import { type Clock, type WebhookAnswer, WebhookClient } from "clawdbot";
import type { QqConfig } from "./config.ts";
import { OP } from "./event.ts";
import { createSignature } from "./signature.ts";

const PATH = "/clawdbot/qq/callback";

/** "oracle" has the daemon sign an event by way of the check of the callback URL. */
export const FORGERIES = [
  "unsigned",
  "half-signed",
  "signature",
  "malleable",
  "other-key",
  "changed",
  "stale",
  "app-id",
  "oracle",
] as const;
export type Forgery = (typeof FORGERIES)[number];

/** Posts events as the platform does. https://bot.q.qq.com/wiki/develop/api-v2/dev-prepare/interface-framework/event-emit.html */
export class SimulatedWebhook {
  daemonUrl: string;
  readonly #config: QqConfig;
  readonly #clock: Clock;
  readonly #key: ReturnType<typeof createSignature>;
  readonly #strangersKey: ReturnType<typeof createSignature>;
  readonly #client = new WebhookClient();

  constructor(config: QqConfig, daemonUrl: string, clock: Clock) {
    this.#config = config;
    this.#clock = clock;
    this.daemonUrl = daemonUrl;
    this.#key = createSignature(config.secret);
    this.#strangersKey = createSignature(`not-${config.secret}`);
  }

  close(): void {
    this.#client.stop();
  }

  /** Whether the daemon took it. */
  static taken({ status, body }: WebhookAnswer): boolean {
    return typeof status === "number" && status < 300 && !/"d":1\b/.test(body);
  }

  /** Delivers a body with a signature of the moment. */
  deliver(body: string): Promise<WebhookAnswer> {
    return this.post(body, this.#signed(body));
  }

  /** The check that the console makes when the callback's URL is saved; its own documentation shows one without signature. */
  validate(token: string, { signed = true, timestamp = this.#now() } = {}): Promise<WebhookAnswer> {
    const body = JSON.stringify({ op: OP.validation, d: { plain_token: token, event_ts: timestamp } });
    return this.post(body, signed ? this.#signed(body) : this.#about());
  }

  async forge(kind: Forgery, body: string): Promise<WebhookAnswer> {
    const honest = this.#signed(body);
    const { "x-signature-ed25519": signature, ...rest } = honest;
    switch (kind) {
      case "unsigned":
        return await this.post(body, this.#about());
      case "half-signed":
        return await this.post(body, rest);
      case "signature":
        return await this.post(body, { ...rest, "x-signature-ed25519": flipped(signature!, 0) });
      case "malleable":
        return await this.post(body, { ...rest, "x-signature-ed25519": flipped(signature!, 126) });
      case "other-key":
        return await this.post(body, this.#signed(body, { key: this.#strangersKey }));
      case "changed":
        return await this.post(body.replace(/}$/, " }"), honest);
      case "stale":
        return await this.post(body, this.#signed(body, { timestamp: this.#now(-this.#config.freshness_window - 60_000) }));
      case "app-id":
        return await this.post(body, { ...honest, "x-bot-appid": "99999999" });
      case "oracle":
        return await this.#askOracle(body);
    }
  }

  async #askOracle(body: string): Promise<WebhookAnswer> {
    const timestamp = this.#now();
    const answer = await this.validate(body, { signed: false, timestamp });
    if (answer.status !== 200) return answer;
    const { signature } = JSON.parse(answer.body) as { signature: string };
    return await this.post(body, { ...this.#about(), "x-signature-ed25519": signature, "x-signature-timestamp": timestamp });
  }

  #now(offsetMs = 0): string {
    return String(Math.floor((this.#clock.now() + offsetMs) / 1000));
  }

  #about(): Record<string, string> {
    return { "x-bot-appid": this.#config.app_id, "user-agent": "QQBot-Callback" };
  }

  #signed(body: string, { key = this.#key, timestamp = this.#now() } = {}): Record<string, string> {
    return { ...this.#about(), "x-signature-ed25519": key.sign(timestamp, body), "x-signature-timestamp": timestamp };
  }

  post(body: string, headers: Record<string, string>): Promise<WebhookAnswer> {
    return this.#client.post(`${this.daemonUrl}${PATH}`, body, { "content-type": "application/json", ...headers });
  }
}

/** Changes the highest bit of one byte (two digits). */
function flipped(hex: string, at: number): string {
  const byte = Number.parseInt(hex.slice(at, at + 2), 16) ^ 0x80;
  return hex.slice(0, at) + byte.toString(16).padStart(2, "0") + hex.slice(at + 2);
}
