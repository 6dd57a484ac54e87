/** The public API: all that adapters and skills may import, first-party or not. @module clawdbot */

export { z } from "zod";
export * from "./adapter.ts";
export { backoff, type Clock, type Random, sleep, systemClock, type Timer } from "./clock.ts";
export { secret } from "./config/secret.ts";
export * from "./errors.ts";
export * from "./message.ts";
export * from "./net/daemon-socket.ts";
export { PlatformServer } from "./platform-server.ts";
export { SentLog } from "./sent-log.ts";
export type { Service } from "./service.ts";
export * from "./simulator.ts";
export * from "./skill.ts";
export { pieceLength, type SplitOptions, splitText } from "./split-text.ts";
export { type WebhookAnswer, WebhookClient } from "./webhook-client.ts";
