import { Counter, collectDefaultMetrics, Gauge, Histogram, Registry } from "prom-client";
import { children } from "./children.ts";
import type { Metrics, MetricsOptions } from "./metrics.ts";

/** Seconds: from a skill in memory to one at its default deadline. */
const BUCKETS = [0.001, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30];

/** The names that the project's first description gave to three of the metrics. */
const LEGACY = {
  clawdbot_messages_in_total: "clawdbot_messages_in",
  clawdbot_skills_latency_seconds: "clawdbot_skills_latency",
  clawdbot_errors_total: "clawdbot_errors",
};

/**
 * The daemon's metrics in prom-client, named after https://prometheus.io/docs/practices/naming/. Every name is there with a sample
 * of zero from the first scrape on.
 */
export function createPrometheus({ legacyNames, version, gauges }: MetricsOptions): Metrics {
  const registry = new Registry();
  const registers = [registry];
  collectDefaultMetrics({ register: registry });
  // Sums of gauges that are there, under names that Prometheus' own check refuses for a gauge.
  for (const what of ["handles", "requests", "resources"]) registry.removeSingleMetric(`nodejs_active_${what}_total`);

  function counter(name: string, help: string, ...labelNames: string[]) {
    return children(new Counter({ name, help, labelNames, registers }), labelNames);
  }
  function histogram(name: string, help: string, ...labelNames: string[]) {
    return children(new Histogram({ name, help, labelNames, registers, buckets: BUCKETS }), labelNames);
  }
  function gauge(name: string, help: string, ...labelNames: string[]): Gauge {
    return new Gauge({ name, help, labelNames, registers });
  }

  const messagesIn = counter("clawdbot_messages_in_total", "Messages received, duplicates included.", "channel", "type");
  const deduped = counter("clawdbot_messages_deduped_total", "Further deliveries of a message that was known.", "channel");
  const refused = counter("clawdbot_messages_refused_total", "Messages not taken for want of room.", "channel", "reason");
  const gates = counter("clawdbot_gate_decisions_total", "Decisions on who may pass.", "gate", "decision", "reason");
  const skills = histogram("clawdbot_skills_latency_seconds", "Time a skill took for a message.", "skill", "outcome");
  const messagesOut = counter("clawdbot_messages_out_total", "Attempts to deliver a reply.", "channel", "outcome");
  const deliveries = histogram("clawdbot_delivery_duration_seconds", "Time a platform took to take a reply.", "channel");
  const errors = counter("clawdbot_errors_total", "Errors by their code.", "type", "component");
  const channelUp = gauge("clawdbot_channel_up", "1 while messages can come in.", "channel", "account");
  const depth = gauge("clawdbot_queue_depth", "Messages and replies on disk whose handling has not ended.", "queue", "state");
  const conversations = gauge("clawdbot_queue_conversations", "Conversations with work, by what they wait for.", "queue", "state");
  const oldest = gauge("clawdbot_queue_oldest_age_seconds", "Age of the oldest message whose handling has not ended.");
  const storageUp = gauge("clawdbot_storage_up", "1 while the store answers.");
  gauge("clawdbot_build_info", "Always 1.", "version", "node").set({ version, node: process.version }, 1);

  async function measure(): Promise<void> {
    for (const queue of ["inbox", "outbox"] as const) {
      const { active, waiting, delayed } = gauges[queue]();
      conversations.set({ queue, state: "active" }, active);
      conversations.set({ queue, state: "waiting" }, waiting);
      conversations.set({ queue, state: "delayed" }, delayed);
    }
    try {
      const counts = await gauges.counts();
      depth.set({ queue: "inbox", state: "pending" }, counts.inbox);
      depth.set({ queue: "outbox", state: "pending" }, counts.outbox);
      depth.set({ queue: "dead_letters", state: "dead" }, counts.deadLetters);
      oldest.set(counts.oldest === null ? 0 : Math.max(0, gauges.now() - counts.oldest) / 1000);
      storageUp.set(1);
    } catch {
      // The other numbers are wanted most just now.
      depth.reset();
      oldest.reset();
      storageUp.set(0);
    }
  }

  async function legacy(): Promise<string> {
    let text = "";
    for (const [name, legacyName] of Object.entries(LEGACY)) {
      text += `\n${(await registry.getSingleMetricAsString(name)).replaceAll(name, legacyName)}\n`;
    }
    return text;
  }

  return {
    messageIn: (channel, type) => messagesIn(channel, type).inc(),
    duplicate: (channel) => deduped(channel).inc(),
    refused: (channel, reason) => refused(channel, reason).inc(),
    gate: (gate, decision, reason) => gates(gate, decision, reason).inc(),
    skill: (skill, outcome, seconds) => skills(skill, outcome).observe(seconds),
    messageOut: (channel, outcome) => messagesOut(channel, outcome).inc(),
    delivery: (channel, seconds) => deliveries(channel).observe(seconds),
    error: (type, component) => errors(type, component).inc(),
    channelUp: (channel, account, up) => channelUp.set({ channel, account }, up ? 1 : 0),
    async scrape() {
      await measure();
      // prom-client spells it "Nan".
      const body = (await registry.metrics()).replaceAll(/ Nan$/gm, " NaN");
      return { contentType: registry.contentType, body: legacyNames ? body + (await legacy()) : body };
    },
  };
}
