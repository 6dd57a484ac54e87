import { createHash, timingSafeEqual } from "node:crypto";
import type { IncomingMessage } from "node:http";
import type { AdapterContext } from "clawdbot";
import type { WebSocketConfig } from "./config.ts";

/** How a browser, which cannot set headers on a WebSocket, shows its token: as a subprotocol, answered with the same. */
export const BEARER_PROTOCOL = "clawdbot.bearer.";

/** One token and whom it names. */
export interface Login {
  client: string;
  /** Whether the client's word on who is an administrator counts. */
  trusted: boolean;
  digest: Buffer;
  /** Taken from this machine only. */
  local: boolean;
}

/** The names of all clients that can log in. */
export function clientNames(config: WebSocketConfig): string[] {
  if (config.tokens) return [...new Set(config.tokens.map((entry) => entry.name))];
  return [config.token ? "default" : "console"];
}

/** Every token that opens the door, and the one that `clawdbot chat` shall use. Without a configured one it is this machine's local token. */
export async function loginsOf(
  config: WebSocketConfig,
  context: AdapterContext,
): Promise<{ logins: Login[]; offered: { token: string; account: string } }> {
  const local = !config.tokens && !config.token;
  const name = clientNames(config)[0]!;
  const entries = config.tokens ?? [{ name, token: config.token ?? (await context.localToken()), trusted: false }];
  const logins = entries.map((entry) => ({ client: entry.name, trusted: entry.trusted, digest: digest(entry.token), local }));
  const [first] = entries;
  return { logins, offered: { token: first!.token, account: first!.name } };
}

/** Whose token the request carries; undefined when it is nobody's. Takes the same time whichever token comes close. */
export function authenticate(request: IncomingMessage, logins: readonly Login[]): Login | undefined {
  const token = presentedToken(request);
  if (!token) return undefined;
  const presented = digest(token);
  let found: Login | undefined;
  for (const login of logins) {
    if (timingSafeEqual(login.digest, presented)) found = login;
  }
  return found?.local && !isLoopbackAddress(request.socket.remoteAddress) ? undefined : found;
}

/**
 * Whether the web page that opens the connection may. Without an Origin it is no web page. The daemon's own pages are known by a loopback
 * name: any other name may have been pointed at this machine by its owner (DNS rebinding).
 */
export function isAllowedOrigin(request: IncomingMessage, allowed: readonly string[]): boolean {
  const { origin, host } = request.headers;
  if (origin === undefined || allowed.includes(origin)) return true;
  if (!/^https?:/.test(origin) || !URL.canParse(origin)) return false;
  const page = new URL(origin);
  return page.host === host && (page.hostname === "localhost" || isLoopbackAddress(page.hostname.replace(/^\[|\]$/g, "")));
}

function presentedToken(request: IncomingMessage): string | undefined {
  const bearer = /^Bearer +(\S.*)$/i.exec(request.headers.authorization ?? "");
  if (bearer) return bearer[1];
  const protocols = (request.headers["sec-websocket-protocol"] ?? "").split(",");
  const protocol = protocols.map((name) => name.trim()).find((name) => name.startsWith(BEARER_PROTOCOL));
  return protocol?.slice(BEARER_PROTOCOL.length);
}

function digest(token: string): Buffer {
  return createHash("sha256").update(token).digest();
}

function isLoopbackAddress(address = ""): boolean {
  return address === "::1" || /^(::ffff:)?127\.\d{1,3}\.\d{1,3}\.\d{1,3}$/.test(address);
}
