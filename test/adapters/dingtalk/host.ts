import dingtalk from "../../../adapters/dingtalk/index.ts";
import simulation, { createDingtalkSimulator, type DingtalkSimulator } from "../../../adapters/dingtalk/simulator.ts";
import type { Adapter, AdapterContext, Attempt, HttpResponse } from "../../../src/adapter.ts";
import { type Clock, systemClock } from "../../../src/clock.ts";
import { createHttpServer } from "../../../src/http/server.ts";
import type { InboundMessage, Message, Reply, Segment } from "../../../src/message.ts";
import { createNet } from "../../../src/net/net.ts";
import type { KeyValue, LogFields } from "../../../src/skill.ts";
import { seededRandom } from "../../../src/testing/fake-clock.ts";

export interface Host {
  url: string;
  adapter: Adapter;
  /** What the adapter handed over and was taken, duplicates too. */
  received: InboundMessage[];
  /** Set to make receive wait, or reject. */
  gate: (() => Promise<void>) | undefined;
  reports: { receiving: boolean; detail: string }[];
  logged: { message: string; fields: LogFields }[];
  hidden: string[];
  /** What fetching an address from outside answers. */
  fetched: (url: string) => HttpResponse;
  stop(): Promise<void>;
}

export interface HostOptions {
  /** The adapter's time; calls of the platform are timed by the system's. */
  clock?: Clock;
  kv?: KeyValue;
  ioTimeoutMs?: number;
  seed?: number;
}

/** The adapter with a real HTTP server, a real HTTP client and nothing else of the daemon; not started yet. */
export async function createHost(section: Record<string, unknown>, options: HostOptions = {}): Promise<Host> {
  const { clock = systemClock, kv = memoryKeyValue(), ioTimeoutMs = 5000, seed = 1 } = options;
  const random = seededRandom(seed);
  const log = (message: string, fields: LogFields = {}) => void host.logged.push({ message, fields });
  const logger = { debug: log, info: log, warn: log, error: log };
  const limits = { maxBody: 2 ** 20, maxConnectionsPerAddress: 64 };
  const server = createHttpServer({ host: "127.0.0.1", port: 0, ...limits, clock: systemClock, log: logger });
  const net = createNet({ ioTimeoutMs, clock: systemClock, random, log: logger });
  const seen = new Set<string>();
  const context: Partial<AdapterContext> = {
    channel: "dingtalk",
    account: "default",
    clock,
    random,
    log: logger,
    kv,
    async receive(message) {
      await host.gate?.();
      host.received.push(message);
      const known = seen.has(message.platformId);
      seen.add(message.platformId);
      return known ? "duplicate" : "accepted";
    },
    route: server.route,
    client: net.client,
    fetch: async (url) => host.fetched(url),
    report: (state) => void host.reports.push(state),
    hide: (secret) => void host.hidden.push(secret),
  };
  const adapter = dingtalk.create(dingtalk.config.parse(section), context as AdapterContext);
  await server.start();
  const host: Host = {
    url: server.url,
    adapter,
    received: [],
    gate: undefined,
    reports: [],
    logged: [],
    hidden: [],
    fetched: () => ({ status: 404, headers: {}, body: Buffer.alloc(0) }),
    async stop() {
      await adapter.stop();
      await server.stop();
      await net.close();
    },
  };
  return host;
}

export interface Pair {
  host: Host;
  platform: DingtalkSimulator;
}

/** A started host whose platform is the simulator, and the simulator. */
export async function startPair(options: HostOptions & { section?: Record<string, unknown>; rateLimits?: boolean } = {}): Promise<Pair> {
  const { section, rateLimits = false, clock = systemClock } = options;
  const platform = createDingtalkSimulator({
    config: { ...simulation.config("http://127.0.0.1:1"), ...section },
    daemonUrl: "",
    retries: 2,
    retryDelayMs: 20,
    rateLimits,
    clock,
  });
  await platform.start();
  const host = await createHost({ ...simulation.config(platform.apiBase), ...section }, options);
  platform.daemonUrl = host.url;
  await host.adapter.start();
  return { host, platform };
}

/** Settings with which another adapter, in HTTP mode, finds the same platform. */
export function sectionOf({ platform }: Pair): Record<string, unknown> {
  return { ...simulation.config(platform.apiBase), mode: "callback" };
}

export function replyOf(content: string | Segment[], to: string | { group: string } = "u1", more: Partial<Reply> = {}): Reply {
  const segments: Segment[] = typeof content === "string" ? [{ type: "text", text: content }] : content;
  const conversation = typeof to === "string" ? { id: to, type: "direct" as const } : { id: to.group, type: "group" as const };
  return { id: "reply-1", channel: "dingtalk", account: "default", conversation, segments, text: "", createdAt: 0, ...more };
}

export function attempt(): Attempt {
  return { number: 1, maybeSent: false, signal: new AbortController().signal };
}

/** What sending threw; fails when it did not. */
export async function failure(host: Host, reply: Reply): Promise<unknown> {
  const result = await host.adapter.send(reply, attempt()).then(
    () => undefined,
    (error: unknown) => error,
  );
  if (result === undefined) throw new Error("it was sent");
  return result;
}

/** A message as the core keeps it, for previews. */
export function messageOf(id: string, from: string | { group: string }): Message {
  const { conversation } = replyOf("", from);
  const about = { channel: "dingtalk", account: "default", platformId: `p-${id}`, sender: { id: "u1" }, mentionsBot: true };
  return { ...about, id, conversation, contentType: "text", text: "", segments: [], sentAt: 0, receivedAt: 0, raw: {} };
}

export function memoryKeyValue(): KeyValue & { keys(): string[] } {
  const rows = new Map<string, { value: unknown; version: number }>();
  return {
    get: async (key) => rows.get(key) ?? null,
    async set(key, value) {
      const version = (rows.get(key)?.version ?? 0) + 1;
      rows.set(key, { value: JSON.parse(JSON.stringify(value)), version });
      return version;
    },
    async delete(key) {
      rows.delete(key);
    },
    list: async (prefix) => [...rows].filter(([key]) => key.startsWith(prefix)).map(([key, row]) => ({ key, ...row })),
    keys: () => [...rows.keys()].sort(),
  };
}

export function deferred(): { promise: Promise<void>; resolve(): void } {
  let resolve = () => {};
  const promise = new Promise<void>((settle) => {
    resolve = settle;
  });
  return { promise, resolve: () => resolve() };
}
