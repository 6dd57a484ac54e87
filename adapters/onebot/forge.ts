import type { Clock, Offered } from "clawdbot";
import { WebSocket } from "ws";
import type { Fields } from "./frames.ts";

export const FORGERIES = [
  "token",
  "no-token",
  "query-token",
  "origin",
  "no-self-id",
  "other-account",
  "binary",
  "bad-json",
  "oversized",
] as const;

const PATIENCE_MS = 5000;

export interface ForgeTarget {
  url: string;
  token: string;
  self: string;
  maxFrameBytes: number;
  clock: Clock;
}

/** Brings the event in a way that the daemon must refuse. Answers hold the HTTP status, the close code, or "ignored". */
export function forge(kind: string, target: ForgeTarget, id: string, event: Fields): Promise<Offered> {
  const offered: Offered = { id, acked: false, answers: [] };
  const url = kind === "query-token" ? `${target.url}?access_token=wrong-${target.token}` : target.url;
  const socket = new WebSocket(url, { headers: headersOf(kind, target), perMessageDeflate: false });
  return new Promise((resolve) => {
    const patience = target.clock.setTimeout(() => socket.terminate(), PATIENCE_MS);
    socket.on("unexpected-response", (_request, response) => {
      offered.answers.push(response.statusCode ?? 0);
      socket.terminate();
    });
    socket.on("open", () => {
      socket.send(payload(kind, target, event));
      socket.ping();
    });
    socket.on("pong", () => {
      // Read and answered; only a message of the account itself would have been taken.
      offered.answers.push("ignored");
      offered.acked = kind !== "other-account";
      socket.close();
    });
    // "close" follows and says the rest.
    socket.on("error", () => {});
    socket.on("close", (code) => {
      target.clock.clearTimeout(patience);
      if (offered.answers.length === 0) offered.answers.push(code);
      resolve(offered);
    });
  });
}

function headersOf(kind: string, { token, self }: ForgeTarget): Record<string, string> {
  const headers: Record<string, string> = { "x-client-role": "Event" };
  if (kind !== "no-self-id") headers["x-self-id"] = kind === "other-account" ? `${self}0` : self;
  if (kind !== "no-token" && kind !== "query-token") headers.authorization = `Bearer ${kind === "token" ? "wrong-" : ""}${token}`;
  if (kind === "origin") headers.origin = "https://attacker.example";
  return headers;
}

function payload(kind: string, target: ForgeTarget, event: Fields): string | Buffer {
  const text = JSON.stringify(kind === "oversized" ? { ...event, raw_message: "x".repeat(target.maxFrameBytes) } : event);
  if (kind === "binary") return Buffer.from(text);
  return kind === "bad-json" ? text.slice(0, -1) : text;
}
