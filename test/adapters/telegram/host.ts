import telegram from "../../../adapters/telegram/index.ts";
import simulation, { createTelegramSimulator, type TelegramSimulator } from "../../../adapters/telegram/simulator.ts";
import type { Adapter, Attempt } from "../../../src/adapter.ts";
import { type Clock, systemClock } from "../../../src/clock.ts";
import { createHttpServer } from "../../../src/http/server.ts";
import type { InboundMessage, Message, Reply, Segment } from "../../../src/message.ts";
import { createNet } from "../../../src/net/net.ts";
import type { KeyValue, LogFields } from "../../../src/skill.ts";
import { seededRandom } from "../../../src/testing/fake-clock.ts";

export interface Host {
  url: string;
  adapter: Adapter;
  /** What was offered to receive(), also what it did not take. */
  offered: InboundMessage[];
  /** What it took, without duplicates. */
  received: InboundMessage[];
  /** Set to have receive() reject some messages. */
  broken: ((message: InboundMessage) => Error | undefined) | undefined;
  reports: { receiving: boolean; detail: string }[];
  logged: { message: string; fields: LogFields }[];
  kv: KeyValue;
  stop(): Promise<void>;
}

export interface HostOptions {
  clock?: Clock;
  /** Time of the HTTP client's deadlines; real by default, so that a slow machine does not miss them. */
  netClock?: Clock;
  kv?: KeyValue;
  ioTimeoutMs?: number;
  publicUrl?: string;
  /** False: the test starts the adapter itself. */
  start?: boolean;
}

/** The adapter with a real HTTP server, a real client and nothing else of the daemon. */
export async function startHost(section: Record<string, unknown>, options: HostOptions = {}): Promise<Host> {
  const { clock = systemClock, netClock = systemClock, kv = memoryKeyValue(), ioTimeoutMs = 5000, start = true, publicUrl } = options;
  const random = seededRandom(1);
  const log = (message: string, fields: LogFields = {}) => void host.logged.push({ message, fields });
  const logger = { debug: log, info: log, warn: log, error: log };
  const server = createHttpServer({
    host: "127.0.0.1",
    port: 0,
    maxBody: 2 ** 20,
    maxConnectionsPerAddress: 64,
    clock: systemClock,
    log: logger,
  });
  const net = createNet({ ioTimeoutMs, clock: netClock, random, log: logger });
  const seen = new Set<string>();
  const unused = () => {
    throw new Error("not for this channel");
  };
  const host: Host = {
    url: "",
    offered: [],
    received: [],
    broken: undefined,
    reports: [],
    logged: [],
    kv,
    adapter: telegram.create(telegram.config.parse(section), {
      channel: "telegram",
      account: "default",
      publicUrl,
      clock,
      random,
      log: logger,
      kv,
      async receive(message) {
        host.offered.push(message);
        const refused = host.broken?.(message);
        if (refused) throw refused;
        if (seen.has(message.platformId)) return "duplicate";
        seen.add(message.platformId);
        host.received.push(message);
        return "accepted";
      },
      route: server.route,
      upgrade: unused,
      client: net.client,
      fetch: net.fetch,
      sent: unused,
      localToken: unused,
      offerLogin: unused,
      report: (state) => void host.reports.push(state),
      hide: () => {},
    }),
    async stop() {
      await host.adapter.stop();
      await server.stop();
      await net.close();
    },
  };
  await server.start();
  host.url = server.url;
  if (start) await host.adapter.start();
  return host;
}

export interface Pair {
  host: Host;
  platform: TelegramSimulator;
}

/** A host whose platform is the simulator, and the simulator. */
export async function startPair(
  options: HostOptions & { section?: Record<string, unknown>; rateLimits?: boolean; retries?: number } = {},
): Promise<Pair> {
  const { section = {}, rateLimits = false, retries = 2, clock, ...rest } = options;
  const settings = { ...simulation.config("http://127.0.0.1:1"), ...section };
  const platform = createTelegramSimulator({
    config: settings,
    daemonUrl: "",
    retries,
    retryDelayMs: 1,
    rateLimits,
    ...(clock && { clock }),
  });
  await platform.start();
  const host = await startHost({ ...settings, api_base: platform.apiBase }, { ...rest, ...(clock && { clock }) });
  platform.daemonUrl = host.url;
  return { host, platform };
}

export const WEBHOOK = { mode: "webhook", webhook_secret: "simulated-webhook-secret" };

let replies = 0;

export function replyOf(content: string | Segment[], to = "42", more: Partial<Reply> = {}): Reply {
  const segments: Segment[] = typeof content === "string" ? [{ type: "text", text: content }] : content;
  const text = typeof content === "string" ? content : "";
  const type = to.startsWith("-") || to.startsWith("g") ? "group" : "direct";
  return {
    id: `reply-${++replies}`,
    channel: "telegram",
    account: "default",
    conversation: { id: to, type },
    segments,
    text,
    createdAt: 0,
    ...more,
  };
}

export function messageOf(id: string, conversation: Message["conversation"] = { id: "42", type: "direct" }): Message {
  return {
    id,
    channel: "telegram",
    account: "default",
    platformId: `${conversation.id}:1`,
    conversation,
    sender: { id: "42" },
    contentType: "text",
    text: "hi",
    segments: [],
    mentionsBot: true,
    sentAt: 0,
    receivedAt: 0,
    raw: null,
  };
}

export function attempt(signal = new AbortController().signal): Attempt {
  return { number: 1, maybeSent: false, signal };
}

export function memoryKeyValue(): KeyValue & { rows: Map<string, unknown> } {
  const rows = new Map<string, unknown>();
  return {
    rows,
    get: async (key) => (rows.has(key) ? { value: rows.get(key), version: 1 } : null),
    async set(key, value) {
      rows.set(key, JSON.parse(JSON.stringify(value)));
      return 1;
    },
    async delete(key) {
      rows.delete(key);
    },
    list: async (prefix) => [...rows].filter(([key]) => key.startsWith(prefix)).map(([key, value]) => ({ key, value, version: 1 })),
  };
}
