import { expect, test } from "vitest";
import { type AdapterHostParts, createAdapterHost } from "../../src/adapters/host.ts";
import { type Adapter, defineAdapter, z } from "../../src/index.ts";
import { fakeClock } from "../../src/testing/fake-clock.ts";

const silent = { debug() {}, info() {}, warn() {}, error() {} };

/** The host with channels of the test's; what a channel does not use here is left out. */
function hostOf(channels: Record<string, Pick<Adapter, "start"> & Partial<Pick<Adapter, "stop">>>) {
  const clock = fakeClock();
  const metrics = { channelUp() {}, error() {} };
  const host = createAdapterHost({ clock, metrics, logger: () => silent } as unknown as AdapterHostParts);
  const stops: string[] = [];
  for (const [name, own] of Object.entries(channels)) {
    const adapter: Adapter = { stop: async () => void stops.push(name), send: async () => ({}), ...own };
    host.add(defineAdapter({ name, configKey: name, language: "en", config: z.unknown(), create: () => adapter }), "default", undefined);
  }
  const states = () =>
    Object.fromEntries(host.states().map(({ channel, receiving, detail }) => [channel, receiving ? "receiving" : detail]));
  return { clock, host, stops, states };
}

test("a channel whose platform does not answer keeps nobody waiting, and counts as receiving once it does", async () => {
  let answer = () => {};
  const { clock, host, states } = hostOf({
    quick: { start: async () => {} },
    slow: { start: () => new Promise((resolve) => (answer = resolve)) },
  });
  const started = host.start();
  await clock.advance(1000);
  await started;
  expect(states()).toEqual({ quick: "receiving", slow: "starting" });
  answer();
  await clock.advance(0);
  expect(states()).toEqual({ quick: "receiving", slow: "receiving" });
});

test("a channel that fails to start says why and leaves the others alone", async () => {
  const { host, states } = hostOf({ good: { start: async () => {} }, bad: { start: () => Promise.reject(new Error("no such bot")) } });
  await host.start();
  expect(states()).toEqual({ good: "receiving", bad: "no such bot" });
});

test("a channel that comes up after the stop is stopped again, and start brings all of them back", async () => {
  let answer = () => {};
  const { clock, host, stops, states } = hostOf({ slow: { start: () => new Promise((resolve) => (answer = resolve)) } });
  const started = host.start();
  await clock.advance(1000);
  await started;
  await host.stop();
  answer();
  await clock.advance(0);
  expect(stops).toEqual(["slow", "slow"]);
  expect(states()).toEqual({ slow: "stopped" });
  const again = host.start();
  answer();
  await again;
  expect(states()).toEqual({ slow: "receiving" });
});

test("a channel that does not stop cleanly keeps neither the others nor the daemon from stopping", async () => {
  const start = async () => {};
  const { host, stops, states } = hostOf({ bad: { start, stop: () => Promise.reject(new Error("socket gone")) }, good: { start } });
  await host.start();
  await host.stop();
  expect(stops).toEqual(["good"]);
  expect(states()).toEqual({ bad: "stopped", good: "stopped" });
});
