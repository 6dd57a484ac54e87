import type { Metrics, MetricsOptions } from "./metrics.ts";

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
