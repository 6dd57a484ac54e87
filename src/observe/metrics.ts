import type { QueueStats } from "../queue/queue.ts";
import type { Counts } from "../storage/storage.ts";

/** What the daemon counts. Labels are bounded: never an id of a user, a message or a conversation. */
export interface Metrics {
  messageIn(channel: string, type: string): void;
  duplicate(channel: string): void;
  refused(channel: string, reason: string): void;
  gate(gate: string, decision: "allow" | "deny", reason: string): void;
  skill(skill: string, outcome: "ok" | "error" | "timeout", seconds: number): void;
  messageOut(channel: string, outcome: "sent" | "retried" | "dead"): void;
  delivery(channel: string, seconds: number): void;
  error(type: string, component: string): void;
  channelUp(channel: string, account: string, up: boolean): void;
  /** The text format, with Content-Type. */
  scrape(): Promise<{ contentType: string; body: string }>;
}

export interface MetricsOptions {
  /** Also serve clawdbot_messages_in, clawdbot_skills_latency and clawdbot_errors. */
  legacyNames: boolean;
  version: string;
  /** Asked at every scrape. */
  gauges: {
    counts(): Promise<Counts>;
    /** Wall clock, for the age of the oldest message. */
    now(): number;
    inbox(): QueueStats;
    outbox(): QueueStats;
  };
}
