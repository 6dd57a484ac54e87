import type { Clock } from "./clock.ts";
import type { Service } from "./service.ts";

/**
 * What an adapter folder's simulator.ts exports as default: a program that plays the platform, with its signing, its retries, its
 * API with errors, limits and slowness. Tests, the chaos run, the bench and `clawdbot channel simulate` use the same one.
 */
export interface SimulatorDefinition {
  /** The section under the adapter's configKey for one account whose platform is this simulator. */
  config(apiBase: string): Record<string, unknown>;
  /** Ways to forge an inbound request; the daemon must refuse each. */
  forgeries: readonly string[];
  create(options: SimulatorOptions): Simulator;
}

export interface SimulatorOptions {
  /** One account's settings, as the adapter gets them (or what config() made). */
  config: Record<string, unknown>;
  /** Base URL of the daemon, such as http://127.0.0.1:8080; may change after a restart of the daemon through `daemonUrl`. */
  daemonUrl: string;
  /** Where the platform's API listens; port 0 = any. Default 127.0.0.1:0. Loopback only. */
  listen?: { host: string; port: number };
  /** Token for channels whose clients log in with one. */
  token?: string;
  /** How often and how fast an unanswered or refused message is sent again, as the platform does. */
  retries?: number;
  retryDelayMs?: number;
  /** Enforces the platform's own limits per user; off by default, since load tests exceed them. */
  rateLimits?: boolean;
  /** Default: the system's. For a daemon that runs on a clock of the test's. */
  clock?: Clock;
}

export interface SimulatedMessage {
  text: string;
  /** User id. */
  from: string;
  /** Group id; absent for a direct chat. */
  group?: string;
  /** The platform's message id; made when absent. */
  id?: string;
}

export interface Offered {
  id: string;
  /** Whether the daemon told the platform "received" at least once. */
  acked: boolean;
  /** Each delivery's answer: HTTP status, or the frame's word. */
  answers: (number | string)[];
}

/** One reply as a user of the platform sees it. */
export interface SentRecord {
  at: number;
  /** User id in a direct chat, else group id. */
  conversation: string;
  text: string;
  /** True when the platform's own idempotency key kept it from being shown a second time. */
  suppressed: boolean;
  /** The call's body. */
  raw: unknown;
}

/** How the platform misbehaves: for the next `times` API calls (default: until cleared). */
export interface Fault {
  kind: "error" | "unauthorised" | "rate-limit" | "server-error" | "reset" | "slow" | "timeout-after-success" | "refuse";
  times?: number;
  /** For slow: ms. For rate-limit: what retry-after says, ms. */
  ms?: number;
  /** For error: the platform's own code. */
  code?: number | string;
}

export interface Simulator extends Service {
  /** Where the platform's API listens, after start. Empty for a channel without one. */
  readonly apiBase: string;
  daemonUrl: string;
  /** Every reply that reached the platform, in order of arrival. */
  readonly sent: readonly SentRecord[];
  /** Calls of the API by name, such as { gettoken: 1 }. */
  readonly calls: Readonly<Record<string, number>>;
  /** A user writes; resolves once the daemon took it or all retries are used up. duplicate: deliver it that many times in all, at once. */
  say(message: SimulatedMessage, options?: { duplicate?: number; forge?: string }): Promise<Offered>;
  /** Resolves when `sent` holds n records that are not suppressed (of one conversation, if given); rejects after timeoutMs. */
  waitForSent(n: number, options?: { conversation?: string; timeoutMs?: number }): Promise<readonly SentRecord[]>;
  /** Called for each reply as it arrives, before it is answered. */
  onSent(listener: (record: SentRecord) => void): void;
  fault(fault: Fault | null): void;
}

export function defineSimulator(definition: SimulatorDefinition): SimulatorDefinition {
  return definition;
}
