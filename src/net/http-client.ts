import type { Pool } from "undici";
import type { HttpClient, HttpResponse, RequestOptions } from "../adapter.ts";
import type { Clock, Random } from "../clock.ts";
import { ClawdbotError } from "../errors.ts";
import { createIds } from "../ids.ts";
import { type Call, exchange } from "./exchange.ts";

export interface NetOptions {
  /** Default for a whole call: performance.io_timeout. */
  timeoutMs: number;
  clock: Clock;
  random: Random;
}

export const MAX_BYTES = 1024 * 1024;
/** Per origin. One request at a time on each: a lost connection then costs one call at most. */
const CONNECTIONS = 64;
/** Shorter than what servers usually keep idle connections for; one that says its own time is believed. */
const KEEP_ALIVE_MS = 15_000;

/**
 * A keep-alive client of one peer that the operator configured. Follows no redirects and sends nothing twice. Every call carries
 * X-Request-ID. undici is imported for the first call.
 */
export function createHttpClient(baseUrl: string, { timeoutMs, clock, random }: NetOptions): HttpClient & { close(): Promise<void> } {
  const { origin, prefix } = parseBase(baseUrl);
  const newId = createIds(clock, random);
  let pool: Pool | undefined;
  let opening: Promise<Pool> | undefined;
  let closed = false;

  async function open(): Promise<Pool> {
    const { Pool } = await import("undici");
    return new Pool(origin, {
      connections: CONNECTIONS,
      pipelining: 1,
      keepAliveTimeout: KEEP_ALIVE_MS,
      connect: { timeout: timeoutMs },
    });
  }

  function call(method: Call["method"], path: string, options: RequestOptions): Call {
    const requestId = newId();
    return {
      origin,
      method,
      path: prefix + path,
      headers: { ...options.headers, "x-request-id": requestId },
      body: options.body ?? null,
      timeoutMs: options.timeoutMs ?? timeoutMs,
      maxBytes: options.maxBytes ?? MAX_BYTES,
      signal: options.signal,
      requestId,
    };
  }

  return {
    async request(method, path, options = {}): Promise<HttpResponse> {
      if (closed) throw new ClawdbotError("CLAWDBOT_ERR_STOPPING", `${method} ${origin}: this client is closed`);
      opening ??= open();
      pool ??= await opening;
      return exchange(pool, call(method, path, options), clock);
    },
    async close() {
      closed = true;
      await (await opening)?.destroy();
    },
  };
}

function parseBase(baseUrl: string): { origin: string; prefix: string } {
  const url = URL.parse(baseUrl);
  const usable = url && /^https?:$/.test(url.protocol) && !url.username && !url.search && !url.hash;
  if (!usable) {
    throw new ClawdbotError("CLAWDBOT_ERR_CONFIG", "the base URL of an API is http(s)://host[:port][/path], without credentials or query");
  }
  return { origin: url.origin, prefix: url.pathname.replace(/\/$/, "") };
}
