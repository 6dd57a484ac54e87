import type { LookupAddress } from "node:dns";
import { lookup } from "node:dns/promises";
import { isIP, type LookupFunction } from "node:net";
import type { Agent } from "undici";
import type { HttpResponse, RequestOptions } from "../adapter.ts";
import { ClawdbotError } from "../errors.ts";
import { createIds } from "../ids.ts";
import type { Logger } from "../skill.ts";
import { type Call, exchange } from "./exchange.ts";
import { isForbiddenAddress } from "./forbidden-address.ts";
import { MAX_BYTES, type NetOptions } from "./http-client.ts";

export interface GuardedFetchOptions extends NetOptions {
  log: Logger;
  /** All addresses of a host name. */
  resolve?: (hostname: string) => Promise<LookupAddress[]>;
  /** Which addresses nobody outside may have this daemon connect to. */
  forbidden?: (address: string) => boolean;
}

const MAX_REDIRECTS = 5;
const REDIRECTS = [301, 302, 303, 307, 308];

/**
 * Fetches addresses that came from outside: GET, or POST when there is a body. What is checked is the address that is really
 * connected to, after the name was resolved, on each redirect again; so neither an odd spelling nor a name server that changes its
 * answer gets through. Refuses with FORBIDDEN_ADDRESS. Must not be given anything secret for hosts that came from outside.
 */
export function createGuardedFetch(options: GuardedFetchOptions): {
  fetch(url: string, options?: RequestOptions): Promise<HttpResponse>;
  close(): Promise<void>;
} {
  const { timeoutMs, clock, random, log, forbidden = isForbiddenAddress, resolve = (name) => lookup(name, { all: true }) } = options;
  const newId = createIds(clock, random);
  let agent: Promise<Agent> | undefined;

  function refuse(host: string, why: string): ClawdbotError {
    log.warn("outbound address refused", { host, code: "CLAWDBOT_ERR_FORBIDDEN_ADDRESS" });
    return new ClawdbotError("CLAWDBOT_ERR_FORBIDDEN_ADDRESS", `will not connect to ${host}: ${why}`);
  }

  async function checkedLookup(hostname: string): Promise<LookupAddress[]> {
    const addresses = await resolve(hostname);
    if (addresses.length === 0) throw new Error(`${hostname} has no address`);
    const bad = addresses.find(({ address }) => forbidden(address));
    if (bad) throw refuse(hostname, `it is at ${bad.address}, which is not public`);
    return addresses;
  }

  /** Given to the sockets themselves: they connect to nothing but what it answers. */
  const guardedLookup: LookupFunction = (hostname, { all }, callback) => {
    checkedLookup(hostname).then(
      (addresses) => (all ? callback(null, addresses) : callback(null, addresses[0]!.address, addresses[0]!.family)),
      (error: Error) => callback(error, []),
    );
  };

  async function open(): Promise<Agent> {
    const { Agent } = await import("undici");
    return new Agent({ connections: 8, pipelining: 1, connect: { timeout: timeoutMs, lookup: guardedLookup } });
  }

  function check(url: URL): void {
    if (url.protocol !== "http:" && url.protocol !== "https:") throw refuse(url.protocol, "only http and https are fetched");
    if (url.username || url.password) throw refuse(url.host, "addresses with a user name are not fetched");
    // A literal address is never looked up. The URL parser has already made 0x7f.1, 2130706433 and the like plain.
    const host = url.hostname.replace(/^\[|\]$/g, "");
    if (isIP(host) && forbidden(host)) throw refuse(host, "it is not public");
  }

  return {
    async fetch(address, { headers = {}, body, timeoutMs: within = timeoutMs, maxBytes = MAX_BYTES, signal } = {}) {
      const deadline = clock.monotonic() + within;
      let url = URL.parse(address);
      if (!url) throw new ClawdbotError("CLAWDBOT_ERR_INVALID", "not a URL");
      const requestId = newId();
      let request: Pick<Call, "method" | "headers" | "body"> = {
        method: body === undefined ? "GET" : "POST",
        headers: { ...headers, "x-request-id": requestId },
        body: body ?? null,
      };
      agent ??= open();
      for (let redirects = 0; redirects <= MAX_REDIRECTS; redirects++) {
        check(url);
        const { origin, pathname, search } = url;
        const left = Math.max(1, Math.round(deadline - clock.monotonic()));
        const call = { ...request, origin, path: pathname + search, timeoutMs: left, maxBytes, signal, requestId };
        const response = await exchange(await agent, call, clock);
        const location = REDIRECTS.includes(response.status) ? response.headers.location : undefined;
        if (typeof location !== "string") return response;
        const next = URL.parse(location, url.href);
        if (!next) return response;
        request = redirected(request, response.status, next.origin === origin);
        url = next;
      }
      throw new ClawdbotError("CLAWDBOT_ERR_PLATFORM", `${url.origin}: more than ${MAX_REDIRECTS} redirects`);
    },
    async close() {
      await (await agent)?.destroy();
    },
  };
}

/** RFC 9110 section 15.4: a redirected POST becomes a GET unless the status forbids it. Credentials stay with the host they were for. */
function redirected(request: Pick<Call, "method" | "headers" | "body">, status: number, sameOrigin: boolean): typeof request {
  const toGet = status < 307 && request.method === "POST";
  const dropped = new Set(toGet ? ["content-type", "content-length"] : []);
  if (!sameOrigin) for (const name of ["authorization", "cookie", "proxy-authorization"]) dropped.add(name);
  const headers = Object.fromEntries(Object.entries(request.headers).filter(([name]) => !dropped.has(name.toLowerCase())));
  return toGet ? { method: "GET", headers, body: null } : { ...request, headers };
}
