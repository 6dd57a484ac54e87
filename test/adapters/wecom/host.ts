import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { Agent, request } from "undici";
import wecom from "../../../adapters/wecom/index.ts";
import simulation from "../../../adapters/wecom/simulator.ts";
import type { Adapter, AdapterContext, HttpClient, RouteHandler } from "../../../src/adapter.ts";
import { type Clock, systemClock, systemRandom } from "../../../src/clock.ts";
import { ClawdbotError, errorCode, UnreachableError, VerifyError } from "../../../src/errors.ts";
import type { InboundMessage, Reply, Segment } from "../../../src/message.ts";
import type { Simulator } from "../../../src/simulator.ts";
import type { KeyValue, LogFields } from "../../../src/skill.ts";

export interface Host {
  url: string;
  adapter: Adapter;
  /** What the adapters handed over, by account. */
  received: InboundMessage[];
  /** Reasons of refused requests. */
  refused: string[];
  logged: { message: string; fields: LogFields }[];
  hidden: string[];
  /** Set to make receive reject. */
  broken: Error | undefined;
  stop(): Promise<void>;
}

export interface HostOptions {
  clock?: Clock;
  kv?: KeyValue;
  /** Milliseconds that a call of the API may take. */
  ioTimeoutMs?: number;
}

/** A real HTTP server and client around adapters of this folder, one for each of the given settings, and nothing else of the daemon. */
export async function startHost(sections: Record<string, unknown>[], options: HostOptions = {}): Promise<Host> {
  const { clock = systemClock, ioTimeoutMs = 5000 } = options;
  const handlers: Record<string, RouteHandler[]> = {};
  const agent = new Agent({ connections: 64, headersTimeout: ioTimeoutMs });
  const seen = new Set<string>();
  const kv = options.kv ?? memoryKeyValue();

  const server = createServer((incoming, response) => void serve(incoming, response));
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));

  const log = (message: string, fields: LogFields = {}) => void host.logged.push({ message, fields });
  const adapters = sections.map((section, index) =>
    wecom.create(wecom.config.parse(section), {
      channel: "wecom",
      account: index === 0 ? "default" : `account${index}`,
      clock,
      random: systemRandom,
      log: { debug: log, info: log, warn: log, error: log },
      kv,
      async receive(message) {
        if (host.broken) throw host.broken;
        host.received.push(message);
        const known = seen.has(message.platformId);
        seen.add(message.platformId);
        return known ? "duplicate" : "accepted";
      },
      route(method, path, handler) {
        const key = `${method} ${path}`;
        handlers[key] = [...(handlers[key] ?? []), handler];
      },
      client: (baseUrl) => client(baseUrl, agent),
      hide: (secret) => void host.hidden.push(secret),
    } as AdapterContext),
  );

  const host: Host = {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    adapter: adapters[0]!,
    received: [],
    refused: [],
    logged: [],
    hidden: [],
    broken: undefined,
    async stop() {
      await Promise.all(adapters.map((adapter) => adapter.stop()));
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
      await agent.destroy();
    },
  };

  async function serve(incoming: IncomingMessage, response: ServerResponse): Promise<void> {
    const [path = "", query = ""] = (incoming.url ?? "").split(/\?(.*)/s);
    const chunks: Buffer[] = [];
    for await (const chunk of incoming) chunks.push(chunk as Buffer);
    const body = Buffer.concat(chunks);
    const asked = { method: incoming.method!, path, query, headers: incoming.headers, body, remoteAddress: "127.0.0.1" };
    for (const handler of handlers[`${incoming.method} ${path}`] ?? []) {
      try {
        const answer = await handler(asked);
        return void response.writeHead(answer.status, answer.contentType ? { "content-type": answer.contentType } : {}).end(answer.body);
      } catch (error) {
        if (!(error instanceof VerifyError)) return void response.writeHead(503).end();
        host.refused.push(error.reason);
      }
    }
    response.writeHead(403).end();
  }

  await Promise.all(adapters.map((adapter) => adapter.start()));
  return host;
}

/** A host whose platform is the simulator, and the simulator. */
export async function startPair(
  options: HostOptions & { section?: Record<string, unknown>; rateLimits?: boolean } = {},
): Promise<{ host: Host; platform: Simulator }> {
  const { section, rateLimits = false, ...rest } = options;
  const config = simulation.config("http://127.0.0.1:1");
  const platform = simulation.create({
    config,
    daemonUrl: "",
    retries: 2,
    retryDelayMs: 1,
    rateLimits,
    ...(options.clock && { clock: options.clock }),
  });
  await platform.start();
  const host = await startHost([{ ...simulation.config(platform.apiBase), ...section }], rest);
  platform.daemonUrl = host.url;
  return { host, platform };
}

/** A platform that answers each call as told: an object as JSON, a string as it is. */
export async function scriptedPlatform(
  answer: (call: string) => unknown,
): Promise<{ url: string; calls: Record<string, number>; stop(): Promise<void> }> {
  const calls: Record<string, number> = {};
  const server = createServer((incoming, response) => {
    const call = incoming.url!.replace(/^\/cgi-bin\/|\?.*$/g, "");
    calls[call] = (calls[call] ?? 0) + 1;
    const body = answer(call);
    incoming.resume().on("end", () => response.end(typeof body === "string" ? body : JSON.stringify(body)));
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    calls,
    async stop() {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}

export function replyOf(content: string | Segment[], to = "u1", createdAt = Date.now()): Reply {
  const segments: Segment[] = typeof content === "string" ? [{ type: "text", text: content }] : content;
  const text = typeof content === "string" ? content : "";
  const conversation = { id: to, type: "direct" as const };
  return { id: `reply-${createdAt}-${text}`, channel: "wecom", account: "default", conversation, segments, text, createdAt };
}

export function attempt(maybeSent = false) {
  return { number: 1, maybeSent, signal: new AbortController().signal };
}

export function memoryKeyValue(): KeyValue {
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

function client(baseUrl: string, dispatcher: Agent): HttpClient {
  return {
    async request(method, path, { headers, body, signal } = {}) {
      try {
        const answer = await request(baseUrl + path, {
          method,
          dispatcher,
          ...(headers && { headers }),
          ...(body !== undefined && { body }),
          ...(signal && { signal }),
        });
        return { status: answer.statusCode, headers: answer.headers, body: Buffer.from(await answer.body.arrayBuffer()) };
      } catch (error) {
        if (errorCode(error) === "ECONNREFUSED") throw new UnreachableError("refused", error);
        throw new ClawdbotError("CLAWDBOT_ERR_PLATFORM", "the call failed", { retryable: true, cause: error });
      }
    },
  };
}
