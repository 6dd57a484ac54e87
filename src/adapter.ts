import type { IncomingMessage } from "node:http";
import type { Duplex } from "node:stream";
import type { z } from "zod";
import type { Clock, Random } from "./clock.ts";
import type { Conversation, InboundMessage, Message, Reply, Segment } from "./message.ts";
import type { Service } from "./service.ts";
import type { KeyValue, Language, Localised, Logger } from "./skill.ts";

/** What an adapter folder's index exports as default. */
export interface AdapterDefinition<Schema extends z.ZodType = z.ZodType> {
  /** The channel's name: that of its folder. */
  name: string;
  /** Top-level key of the configuration. */
  configKey: string;
  /** Other names of that key. */
  configAliases?: string[];
  /** What most of its users speak; the last resort when nothing tells a sender's language. */
  language: Language;
  /** One account's settings. Secrets are declared with secret(). */
  config: Schema;
  /** Whether the channel runs when its section is missing. */
  enabledByDefault?: boolean;
  /** Its accounts are the clients that log in with a token: one adapter serves them all. */
  accountsAreClients?: boolean;
  /** Settings that it takes from another channel's section (by its key) where its own section leaves them out. */
  borrows?: {
    from: string;
    /** Gets both sections as they were written, unchecked. */
    settings(section: Readonly<Record<string, unknown>>, own: Readonly<Record<string, unknown>>): Record<string, unknown>;
  };
  /**
   * Says why the channel must not run with these accounts where the daemon listens; undefined when it may. For rules that no
   * account's schema can know, such as: without a token, only on loopback.
   */
  check?(accounts: ReadonlyMap<string, z.output<Schema>>, server: { host: string; loopback: boolean }): Localised | undefined;
  /** Called once per configured account. Does no I/O. */
  create(config: z.output<Schema>, context: AdapterContext): Adapter;
}

/**
 * One account on a channel. start must not resolve before inbound works, or, where the platform is out of reach, before
 * the adapter keeps trying by itself; stop ends inbound first.
 */
export interface Adapter extends Service, Partial<CanSplit & CanMerge & CanConfirm & CanPreview> {
  /**
   * Makes exactly one call to the platform and resolves when the platform took it. Throws RateLimitError (wait, then again),
   * RejectedError (never), UnreachableError (surely not arrived, again) or anything else (again, with back-off).
   * Must not retry by itself, except once with a fresh access token.
   */
  send(reply: Reply, attempt: Attempt): Promise<SendResult>;
}

export interface Attempt {
  /** 1 for the first try. */
  number: number;
  /** True when an earlier try may have arrived: use the platform's idempotency key, if it has one. */
  maybeSent: boolean;
  signal: AbortSignal;
}

export interface SendResult {
  /** The platform's id of what was sent. */
  platformId?: string;
  /** One word or number for the trace, such as the platform's code. */
  detail?: string;
  /** For a channel that numbers its replies itself: larger for each further reply of the account. `sent` finds replies by it. */
  sequence?: number;
}

/** The channel has a limit per call: content is cut before it is stored, so that each stored reply is one call. Must be pure. */
export interface CanSplit {
  split(segments: Segment[]): Segment[][];
}

/** The channel takes only so many replies to one message: what a skill said in many goes into fewer. Must be pure. */
export interface CanMerge {
  /** One content for each reply that the skill made, in order; nothing of them may get lost. Each of the result is then split. */
  merge(contents: Segment[][], conversation: Conversation): Segment[][];
}

/** Told once the fact that a reply was sent is on disk. Must not throw. */
export interface CanConfirm {
  delivered(reply: Reply, result: SendResult): void;
}

/** Can show a reply that is still being made. Best effort; must not throw and must not block. */
export interface CanPreview {
  preview(message: Message, textSoFar: string): void;
}

export interface AdapterContext {
  readonly channel: string;
  readonly account: string;
  /** How platforms reach the daemon from outside (server.public_url), without a slash at its end; undefined when nobody said so. */
  readonly publicUrl?: string | undefined;
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Logger;
  /** Durable key-value store of this channel and account. */
  readonly kv: KeyValue;
  /**
   * Resolves when the message is on disk: only then may the platform be told "received". Rejects with OverloadedError or
   * StorageError when it was not taken. Must be given only what was verified.
   */
  receive(message: InboundMessage): Promise<"accepted" | "duplicate">;
  /**
   * Serves a path on the daemon's port; body size and time limits are already applied. Several accounts may share a path: each
   * handler is asked until one does not throw VerifyError. What a handler throws becomes 403, 503 or 500, never with details.
   */
  route(method: "GET" | "POST", path: string, handler: RouteHandler): void;
  /** Serves WebSocket upgrades on a path. The handler checks the caller before it accepts. */
  upgrade(path: string, handler: UpgradeHandler): void;
  /** A keep-alive client of a peer that the operator configured (api_base and the like; loopback is allowed). */
  client(baseUrl: string): HttpClient;
  /** Fetches an address that came from outside. Private and loopback addresses are refused, on every redirect too. */
  fetch(url: string, options?: RequestOptions): Promise<HttpResponse>;
  /** Replies already sent on this channel for `account` whose sequence is larger than `after`, ascending; with after -1, only the last one. */
  sent(account: string, after: number, limit: number): Promise<{ reply: Reply; result: SendResult }[]>;
  /** A token for clients on this machine: made on first use, kept in data_dir with mode 0600. */
  localToken(): Promise<string>;
  /** Tells `clawdbot chat` where, with which token and so as which account it may log in. */
  offerLogin(login: { path: string; token: string; account: string }): void;
  /** Readiness: say false while nothing can come in. An adapter that never says so counts as receiving from start to stop. */
  report(state: { receiving: boolean; detail: string }): void;
  /** Never show this value in logs, traces or errors (tokens got at run time; configured secrets are already known). */
  hide(secret: string): void;
}

export interface RouteRequest {
  method: string;
  path: string;
  /** Raw query without "?". */
  query: string;
  headers: IncomingMessage["headers"];
  body: Buffer;
  remoteAddress: string;
}

export interface RouteResponse {
  status: number;
  body?: string | Buffer;
  contentType?: string;
  headers?: Record<string, string>;
}

export type RouteHandler = (request: RouteRequest) => Promise<RouteResponse> | RouteResponse;
export type UpgradeHandler = (request: IncomingMessage, socket: Duplex, head: Buffer) => void;

export interface RequestOptions {
  headers?: Record<string, string>;
  body?: string | Buffer;
  /** Whole call, default performance.io_timeout. */
  timeoutMs?: number;
  /** Largest answer in bytes, default 1 MiB. */
  maxBytes?: number;
  signal?: AbortSignal;
}

export interface HttpResponse {
  status: number;
  headers: Record<string, string | string[] | undefined>;
  body: Buffer;
}

export interface HttpClient {
  /** path begins with "/". Throws UnreachableError when the call surely did not arrive; ClawdbotError TIMEOUT or PLATFORM otherwise. */
  request(method: "GET" | "POST" | "PUT" | "PATCH" | "DELETE", path: string, options?: RequestOptions): Promise<HttpResponse>;
}

/** Declares an adapter; checks nothing but types. */
export function defineAdapter<Schema extends z.ZodType>(definition: AdapterDefinition<Schema>): AdapterDefinition<Schema> {
  return definition;
}
