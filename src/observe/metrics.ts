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

/** Samples that are kept before prom-client is loaded for them. */
const EARLY = 1000;

/**
 * Counts with prom-client, which is loaded with the first scrape or the thousandth sample, whichever comes first: loading it costs
 * a quarter of the time from start to listening. What was counted before is not lost.
 */
export function createMetrics(options: MetricsOptions): Metrics {
  const early: ((metrics: Metrics) => void)[] = [];
  let loading: Promise<Metrics> | undefined;
  let loaded: Metrics | undefined;

  function load(): Promise<Metrics> {
    loading ??= import("./prometheus.ts").then(({ createPrometheus }) => {
      loaded = createPrometheus(options);
      for (const sample of early.splice(0)) sample(loaded);
      return loaded;
    });
    return loading;
  }

  function count(sample: (metrics: Metrics) => void): void {
    if (loaded) sample(loaded);
    else if (early.push(sample) === EARLY) void load();
  }

  return {
    messageIn: (channel, type) => count((metrics) => metrics.messageIn(channel, type)),
    duplicate: (channel) => count((metrics) => metrics.duplicate(channel)),
    refused: (channel, reason) => count((metrics) => metrics.refused(channel, reason)),
    gate: (gate, decision, reason) => count((metrics) => metrics.gate(gate, decision, reason)),
    skill: (skill, outcome, seconds) => count((metrics) => metrics.skill(skill, outcome, seconds)),
    messageOut: (channel, outcome) => count((metrics) => metrics.messageOut(channel, outcome)),
    delivery: (channel, seconds) => count((metrics) => metrics.delivery(channel, seconds)),
    error: (type, component) => count((metrics) => metrics.error(type, component)),
    channelUp: (channel, account, up) => count((metrics) => metrics.channelUp(channel, account, up)),
    scrape: async () => (await load()).scrape(),
  };
}
