import qq from "../../../adapters/qq/index.ts";
import simulation, { createQqSimulator, type QqSimulator } from "../../../adapters/qq/simulator.ts";
import type { Adapter, AdapterContext, Attempt, RouteHandler } from "../../../src/adapter.ts";
import { type Clock, systemClock, systemRandom } from "../../../src/clock.ts";
import { VerifyError } from "../../../src/errors.ts";
import { createHttpServer } from "../../../src/http/server.ts";
import type { Conversation, InboundMessage, Reply, Segment } from "../../../src/message.ts";
import { createNet } from "../../../src/net/net.ts";
import type { KeyValue, LogFields } from "../../../src/skill.ts";

export interface Pair {
  adapter: Adapter;
  platform: QqSimulator;
  clock: Clock;
  received: InboundMessage[];
  /** What was reported last. */
  state: { receiving: boolean; detail: string };
  logged: { message: string; fields: LogFields }[];
  hidden: string[];
  /** Reasons of refused webhooks. */
  refused: string[];
  /** Called before a message is taken; may reject. */
  onReceive: (message: InboundMessage) => Promise<void> | void;
  kv: KeyValue;
  /** A new adapter on the same store, as after a restart of the daemon. */
  restart(): Promise<void>;
  stop(): Promise<void>;
}

export interface PairOptions {
  clock?: Clock;
  section?: Record<string, unknown>;
  /** Settings of which the platform does not know. */
  own?: Record<string, unknown>;
  /** Interval of the gateway's heartbeats, ms. */
  heartbeatMs?: number;
  ioTimeoutMs?: number;
  rateLimits?: boolean;
  /** Called before the adapter starts. */
  prepare?: (platform: QqSimulator) => void;
}

/** An adapter on a real server, client and socket, with the simulator as its platform, and nothing else of the daemon. */
export async function startPair(options: PairOptions = {}): Promise<Pair> {
  const { clock = systemClock, section = {}, ioTimeoutMs = 5000 } = options;
  const log = (message: string, fields: LogFields = {}) => void pair.logged.push({ message, fields });
  const logger = { debug: log, info: log, warn: log, error: log };
  const config = { ...simulation.config("http://127.0.0.1:1"), ...section };
  const platform = createQqSimulator({
    config,
    daemonUrl: "",
    retries: 2,
    retryDelayMs: 1,
    ...(options.clock && { clock }),
    ...(options.heartbeatMs !== undefined && { heartbeatMs: options.heartbeatMs }),
    ...(options.rateLimits !== undefined && { rateLimits: options.rateLimits }),
  });
  await platform.start();
  options.prepare?.(platform);
  const net = createNet({ ioTimeoutMs, clock: systemClock, random: systemRandom, log: logger });
  const server = createHttpServer({ host: "127.0.0.1", port: 0, maxBody: 1 << 20, maxConnectionsPerAddress: 100, clock, log: logger });
  const seen = new Set<string>();
  const kv = memoryKeyValue();
  let handler: RouteHandler | undefined;
  server.route("POST", "/clawdbot/qq/callback", async (request) => {
    if (!handler) throw new VerifyError("no_route");
    try {
      return await handler(request);
    } catch (error) {
      if (error instanceof VerifyError) pair.refused.push(error.reason);
      throw error;
    }
  });
  await server.start();
  platform.daemonUrl = server.url;

  function createAdapter(): Adapter {
    return qq.create(qq.config.parse({ ...config, ...simulation.config(platform.apiBase), ...section, ...options.own }), {
      channel: "qq",
      account: "default",
      clock,
      random: systemRandom,
      log: logger,
      kv,
      async receive(message) {
        await pair.onReceive(message);
        pair.received.push(message);
        const known = seen.has(message.platformId);
        seen.add(message.platformId);
        return known ? "duplicate" : "accepted";
      },
      route(_method, _path, made) {
        handler = made;
      },
      client: net.client,
      hide: (secret) => void pair.hidden.push(secret),
      report(state) {
        pair.state = state;
      },
    } as AdapterContext);
  }

  const pair: Pair = {
    adapter: undefined as unknown as Adapter,
    platform,
    clock,
    received: [],
    state: { receiving: false, detail: "" },
    logged: [],
    hidden: [],
    refused: [],
    onReceive: () => {},
    kv,
    async restart() {
      await pair.adapter.stop();
      pair.adapter = createAdapter();
      await pair.adapter.start();
    },
    async stop() {
      await pair.adapter.stop();
      await platform.stop();
      await server.stop();
      await net.close();
    },
  };
  pair.adapter = createAdapter();
  await pair.adapter.start();
  return pair;
}

export function reply(content: string | Segment[], about: Partial<Reply> = {}): Reply {
  const segments: Segment[] = typeof content === "string" ? [{ type: "text", text: content }] : content;
  const text = typeof content === "string" ? content : "";
  return { id: `reply-${text}`, channel: "qq", account: "default", conversation: user("u1"), segments, text, createdAt: 0, ...about };
}

export const user = (id: string): Conversation => ({ id, type: "direct" });
export const group = (id: string): Conversation => ({ id, type: "group" });

export function attempt(maybeSent = false): Attempt {
  return { number: maybeSent ? 2 : 1, maybeSent, signal: new AbortController().signal };
}

function memoryKeyValue(): KeyValue {
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
    list: async () => [],
  };
}
