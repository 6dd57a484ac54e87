import type { Clock, DaemonMessage, Offered } from "clawdbot";
import { WebSocket } from "ws";

export const FORGERIES = ["token", "no-token", "origin", "binary", "bad-json", "oversized"] as const;

const PATIENCE_MS = 5000;

/** Where and as whom a forger tries. */
export interface Target {
  url: string;
  token: string;
  maxFrameBytes: number;
  clock: Clock;
}

/** Offers the message in a way that the daemon must refuse; answers holds the HTTP status or the close code. */
export function forge(kind: string, target: Target, message: DaemonMessage): Promise<Offered> {
  const offered: Offered = { id: message.id, acked: false, answers: [] };
  const headers: Record<string, string> = {};
  if (kind !== "no-token") headers.authorization = `Bearer ${kind === "token" ? "wrong-" : ""}${target.token}`;
  if (kind === "origin") headers.origin = "https://attacker.example";
  const socket = new WebSocket(target.url, { headers, perMessageDeflate: false });
  return new Promise((resolve) => {
    const patience = target.clock.setTimeout(() => socket.terminate(), PATIENCE_MS);
    socket.on("unexpected-response", (_request, response) => {
      offered.answers.push(response.statusCode ?? 0);
      socket.terminate();
    });
    socket.on("message", (data) => {
      const { type } = JSON.parse(String(data)) as { type: string };
      if (type === "welcome") socket.send(payload(kind, target, message));
      if (type !== "accepted") return;
      offered.acked = true;
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

function payload(kind: string, target: Target, message: DaemonMessage): string | Buffer {
  const frame = { type: "message", ...message };
  if (kind === "oversized") return JSON.stringify({ ...frame, text: "x".repeat(target.maxFrameBytes) });
  const text = JSON.stringify(frame);
  if (kind === "binary") return Buffer.from(text);
  return kind === "bad-json" ? text.slice(0, -1) : text;
}
