import { describe, expect, test } from "vitest";
import { createMetrics } from "../../src/observe/create-metrics.ts";
import type { MetricsOptions } from "../../src/observe/metrics.ts";
import { parseExposition } from "./exposition.ts";

const idle = () => ({ active: 0, waiting: 0, delayed: 0 });
const options: MetricsOptions = {
  legacyNames: true,
  version: "2026.11.0",
  gauges: {
    counts: async () => ({ inbox: 3, outbox: 2, deadLetters: 1, oldest: 1000 }),
    now: () => 61_000,
    inbox: () => ({ active: 4, waiting: 5, delayed: 6 }),
    outbox: idle,
  },
};

async function scrape(metrics: ReturnType<typeof createMetrics>) {
  const { contentType, body } = await metrics.scrape();
  expect(contentType).toBe("text/plain; version=0.0.4; charset=utf-8");
  const families = parseExposition(body);
  return {
    families,
    value(name: string, labels: Record<string, string> = {}) {
      const family = families.get(name.replace(/_(bucket|sum|count)$/, "")) ?? families.get(name);
      return family?.samples.find((s) => s.name === name && JSON.stringify(s.labels) === JSON.stringify(labels))?.value;
    },
  };
}

describe("the metrics", () => {
  test("are all there with HELP, TYPE and a sample from the first scrape on, under both sets of names", async () => {
    const { families } = await scrape(createMetrics(options));
    const counters = [
      "clawdbot_messages_in_total",
      "clawdbot_messages_in",
      "clawdbot_messages_out_total",
      "clawdbot_messages_deduped_total",
      "clawdbot_messages_refused_total",
      "clawdbot_gate_decisions_total",
      "clawdbot_errors_total",
      "clawdbot_errors",
    ];
    const histograms = ["clawdbot_skills_latency_seconds", "clawdbot_skills_latency", "clawdbot_delivery_duration_seconds"];
    for (const [names, type] of [
      [counters, "counter"],
      [histograms, "histogram"],
    ] as const) {
      for (const name of names) {
        expect(families.get(name), name).toMatchObject({ type, help: expect.stringMatching(/\w/) });
        const samples = families.get(name)!.samples;
        expect(samples.length).toBeGreaterThan(0);
        expect(samples.map(({ value }) => value)).toEqual(samples.map(() => 0));
      }
    }
    for (const name of ["process_cpu_seconds_total", "process_resident_memory_bytes", "nodejs_eventloop_lag_p99_seconds"]) {
      expect(families.get(name)?.samples).toHaveLength(1);
    }
  });

  test("count what was told before and after prom-client was loaded", async () => {
    const metrics = createMetrics(options);
    for (let n = 0; n < 1500; n++) metrics.messageIn("a", "text");
    metrics.skill("echo", "ok", 0.02);
    const before = await scrape(metrics);
    expect(before.value("clawdbot_messages_in_total", { channel: "a", type: "text" })).toBe(1500);
    metrics.messageIn("a", "text");
    metrics.messageIn("a", "image");
    metrics.duplicate("a");
    metrics.refused("a", "queue_full");
    metrics.gate("verify", "deny", "signature");
    metrics.messageOut("a", "sent");
    metrics.delivery("a", 0.3);
    metrics.error("ECONNRESET", "channel.a");
    metrics.skill("echo", "ok", 40);
    metrics.channelUp("a", "default", true);
    metrics.channelUp("b", "default", true);
    metrics.channelUp("b", "default", false);
    const { value, families } = await scrape(metrics);
    expect(value("clawdbot_messages_in_total", { channel: "a", type: "text" })).toBe(1501);
    expect(value("clawdbot_messages_in_total", { channel: "a", type: "image" })).toBe(1);
    expect(value("clawdbot_messages_deduped_total", { channel: "a" })).toBe(1);
    expect(value("clawdbot_messages_refused_total", { channel: "a", reason: "queue_full" })).toBe(1);
    expect(value("clawdbot_gate_decisions_total", { gate: "verify", decision: "deny", reason: "signature" })).toBe(1);
    expect(value("clawdbot_messages_out_total", { channel: "a", outcome: "sent" })).toBe(1);
    expect(value("clawdbot_errors_total", { type: "ECONNRESET", component: "channel.a" })).toBe(1);
    expect(value("clawdbot_channel_up", { channel: "a", account: "default" })).toBe(1);
    expect(value("clawdbot_channel_up", { channel: "b", account: "default" })).toBe(0);
    expect(value("clawdbot_delivery_duration_seconds_sum", { channel: "a" })).toBe(0.3);
    const of = { skill: "echo", outcome: "ok" };
    expect(value("clawdbot_skills_latency_seconds_count", of)).toBe(2);
    expect(value("clawdbot_skills_latency_seconds_bucket", { le: "0.01", ...of })).toBe(0);
    expect(value("clawdbot_skills_latency_seconds_bucket", { le: "0.025", ...of })).toBe(1);
    expect(value("clawdbot_skills_latency_seconds_bucket", { le: "+Inf", ...of })).toBe(2);
    expect(families.get("clawdbot_messages_deduped_total")!.samples).toHaveLength(1);
  });

  test("say the same under the legacy names, and leave those out when they are not wanted", async () => {
    const metrics = createMetrics(options);
    metrics.messageIn("a", "text");
    metrics.error("x", "y");
    metrics.skill("echo", "error", 1);
    const { families } = await scrape(metrics);
    for (const [name, legacy] of [
      ["clawdbot_messages_in_total", "clawdbot_messages_in"],
      ["clawdbot_errors_total", "clawdbot_errors"],
      ["clawdbot_skills_latency_seconds", "clawdbot_skills_latency"],
    ] as const) {
      const plain = families.get(name)!.samples.map((sample) => ({ ...sample, name: sample.name.replace(name, legacy) }));
      expect(families.get(legacy)!.samples).toEqual(plain);
    }
    const without = await scrape(createMetrics({ ...options, legacyNames: false }));
    expect(without.families.has("clawdbot_messages_in_total")).toBe(true);
    expect(without.families.has("clawdbot_messages_in")).toBe(false);
  });

  test("show the backlog as it is at the scrape", async () => {
    const { value } = await scrape(createMetrics(options));
    expect(value("clawdbot_queue_depth", { queue: "inbox", state: "pending" })).toBe(3);
    expect(value("clawdbot_queue_depth", { queue: "outbox", state: "pending" })).toBe(2);
    expect(value("clawdbot_queue_depth", { queue: "dead_letters", state: "dead" })).toBe(1);
    expect(value("clawdbot_queue_conversations", { queue: "inbox", state: "waiting" })).toBe(5);
    expect(value("clawdbot_queue_oldest_age_seconds")).toBe(60);
    expect(value("clawdbot_storage_up")).toBe(1);
    expect(value("clawdbot_build_info", { version: "2026.11.0", node: process.version })).toBe(1);
  });

  test("are served without the backlog while the store does not answer", async () => {
    const metrics = createMetrics({ ...options, gauges: { ...options.gauges, counts: () => Promise.reject(new Error("no")) } });
    metrics.messageIn("a", "text");
    const { families, value } = await scrape(metrics);
    expect(value("clawdbot_storage_up")).toBe(0);
    expect(families.get("clawdbot_queue_depth")!.samples).toEqual([]);
    expect(value("clawdbot_messages_in_total", { channel: "a", type: "text" })).toBe(1);
  });

  test("do not grow with what outsiders send", async () => {
    const metrics = createMetrics(options);
    for (let n = 0; n < 5000; n++) metrics.gate("verify", "deny", `reason "${n}"\n\\`);
    const { families, value } = await scrape(metrics);
    const samples = families.get("clawdbot_gate_decisions_total")!.samples;
    expect(samples).toHaveLength(201);
    expect(samples[0]!.labels.reason).toBe('reason "0"\n\\');
    expect(value("clawdbot_gate_decisions_total", { gate: "other", decision: "other", reason: "other" })).toBe(4800);
  });
});
