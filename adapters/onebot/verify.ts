import { createHash, timingSafeEqual } from "node:crypto";
import type { IncomingMessage } from "node:http";
import type { Role } from "./accounts.ts";
import { isAccountId } from "./ids.ts";

/** What opens the door. */
export interface Door {
  digests: Buffer[];
  /** Only from this machine. */
  local: boolean;
}

/** As whom a peer may come in, or the HTTP status that tells it why not. */
export type Admission = { account: string; role: Role } | { status: 400 | 401 | 403 };

export function makeDoor(tokens: readonly string[], local: boolean): Door {
  return { digests: tokens.map(digest), local };
}

/** Decides by the upgrade request alone. https://github.com/botuniverse/onebot-11/blob/master/communication/authorization.md */
export function verify(request: IncomingMessage, door: Door): Admission {
  if (!isKnown(presentedToken(request), door)) return { status: 401 };
  if (door.local && !isLoopback(request.socket.remoteAddress)) return { status: 401 };
  if (!isOwnOrigin(request)) return { status: 403 };
  const account = request.headers["x-self-id"];
  if (typeof account !== "string" || !isAccountId(account)) return { status: 400 };
  const role = String(request.headers["x-client-role"] ?? "universal").toLowerCase();
  return { account, role: role === "api" || role === "event" ? role : "universal" };
}

/** Takes the same time whichever token comes close. */
function isKnown(token: string | undefined, { digests }: Door): boolean {
  if (!token) return false;
  const presented = digest(token);
  let known = false;
  for (const expected of digests) if (timingSafeEqual(expected, presented)) known = true;
  return known;
}

function presentedToken(request: IncomingMessage): string | undefined {
  const header = /^(?:Bearer|Token) +(\S.*)$/i.exec(request.headers.authorization ?? "");
  if (header) return header[1];
  const query = request.url!.indexOf("?");
  return query < 0 ? undefined : (new URLSearchParams(request.url!.slice(query)).get("access_token") ?? undefined);
}

/** Some peers' libraries name the server itself as the origin. Anything else is a web page, and no peer is one. */
function isOwnOrigin({ headers }: IncomingMessage): boolean {
  return headers.origin === undefined || URL.parse(headers.origin)?.host === headers.host;
}

function digest(token: string): Buffer {
  return createHash("sha256").update(token).digest();
}

function isLoopback(address = ""): boolean {
  return address === "::1" || /^(::ffff:)?127\.\d{1,3}\.\d{1,3}\.\d{1,3}$/.test(address);
}
