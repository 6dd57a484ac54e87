import type { Duplex } from "node:stream";
import type { WebSocket } from "ws";
import { backoff, type Clock, type Random, sleep, systemClock, systemRandom, type Timer } from "../clock.ts";
import { ClawdbotError, type ErrorCode, errorText, UnreachableError, VerifyError } from "../errors.ts";
import {
  type DaemonDelta,
  type DaemonMessage,
  type DaemonReply,
  parseServerFrame,
  type ServerFrame,
  type Welcome,
} from "./daemon-frames.ts";

export type { DaemonDelta, DaemonMessage, DaemonReply } from "./daemon-frames.ts";

const PING_MS = 30_000;
const MAX_MISSED_PINGS = 2;
const HANDSHAKE_MS = 10_000;
const CLOSE_WITHIN_MS = 1000;
/** A reply may carry media. */
const MAX_REPLY_BYTES = 64 * 1024 * 1024;

export interface DaemonSocketOptions {
  /** ws://host:port/path; asked before each connection when it is a function. */
  url: string | (() => string);
  token: string;
  /** Each reply once, in order. Must not throw. */
  onReply(reply: DaemonReply): void;
  /** Replies that this socket has had before. */
  onRepeated?(reply: DaemonReply): void;
  onDelta?(delta: DaemonDelta): void;
  /** "refused" is final: the daemon does not know the token any more. */
  onState?(state: "up" | "down" | "refused", reason: string): void;
  /** The number of the last reply that an earlier socket had. Without it the daemon goes by the client's acknowledgements. */
  resumeAfter?: number;
  /** Acknowledgements are left to `ack`: for those who store replies first. Otherwise a reply counts as had once onReply has returned. */
  manualAcks?: boolean;
  /** Wait before the first attempt to connect again, ms; it doubles with each further one. Default 200. */
  retryDelayMs?: number;
  /** Default 10 s. */
  maxRetryDelayMs?: number;
  clock?: Clock;
  random?: Random;
}

export interface DaemonSocket {
  /** The name that the token stands for. */
  readonly client: string;
  /**
   * Resolves when the daemon has the message on disk. It is sent again after each lost connection until it is answered; rejects with
   * DaemonRefusal when the daemon says no.
   */
  send(message: DaemonMessage): Promise<"accepted" | "duplicate">;
  /** Tells the daemon that all replies up to seq have been received for good. */
  ack(seq: number): void;
  /** Breaks the connection off; it comes back by itself. */
  reset(): void;
  /** Ends it; messages without an answer are rejected. */
  close(): Promise<void>;
}

/** The daemon's answer to a message that it did not take. */
export class DaemonRefusal extends ClawdbotError {
  /** When to send it again; absent when that is no use. */
  readonly retryAfterMs: number | undefined;

  constructor(code: ErrorCode, message: string, retryAfterMs: number | undefined) {
    super(code, message, { retryable: retryAfterMs !== undefined });
    this.retryAfterMs = retryAfterMs;
  }
}

interface Waiter {
  frame: string;
  resolve(result: "accepted" | "duplicate"): void;
  reject(error: unknown): void;
}

/**
 * A client of the daemon's own WebSocket protocol: what `clawdbot chat` uses, and any script may. Resolves once the daemon has
 * welcomed it, rejects when the first attempt fails; after that it connects again for ever and misses nothing.
 */
export async function connectDaemon(options: DaemonSocketOptions): Promise<DaemonSocket> {
  const { clock = systemClock, random = systemRandom } = options;
  const { WebSocket } = await import("ws");
  const waiting = new Map<string, Waiter[]>();
  const ended = new AbortController();
  let socket: WebSocket | undefined;
  let stream: Duplex | undefined;
  let welcomed = false;
  let client = "";
  let maxFrameBytes = 0;
  let seen = options.resumeAfter;
  let acked = 0;
  let ackQueued = false;
  let corked = false;

  /** Makes one attempt; resolves at the welcome. When that connection ends, `lost` begins the next. */
  function dial(): Promise<void> {
    return new Promise((resolve, reject) => {
      const url = typeof options.url === "function" ? options.url() : options.url;
      const ws = new WebSocket(url, {
        headers: { authorization: `Bearer ${options.token}` },
        perMessageDeflate: false,
        maxPayload: MAX_REPLY_BYTES,
        handshakeTimeout: HANDSHAKE_MS,
      });
      let problem: Error | undefined;
      let missed = 0;
      let pinger: Timer | undefined;
      const ping = () => {
        if (missed++ >= MAX_MISSED_PINGS) return ws.terminate();
        ws.ping();
        pinger = clock.setTimeout(ping, PING_MS);
      };
      socket = ws;
      welcomed = false;
      ws.on("upgrade", (response) => {
        stream = response.socket;
      });
      ws.on("unexpected-response", (_request, { statusCode = 0 }) => {
        const answer = `the daemon answered ${statusCode}`;
        problem = statusCode === 401 || statusCode === 403 ? new VerifyError(answer) : new UnreachableError(answer);
        ws.terminate();
      });
      ws.on("error", (error) => {
        problem ??= new UnreachableError(`no connection to the daemon: ${errorText(error)}`, error);
      });
      ws.on("message", (data) => {
        missed = 0;
        const frame = parseServerFrame(String(data));
        if (!frame) {
          problem = new UnreachableError("the peer does not speak the daemon's protocol");
          ws.terminate();
        } else if (frame.type === "welcome") {
          welcomed = true;
          pinger = clock.setTimeout(ping, PING_MS);
          greet(frame);
          resolve();
        } else hear(frame);
      });
      ws.on("pong", () => {
        missed = 0;
      });
      ws.on("close", (code, reason) => {
        clock.clearTimeout(pinger);
        const before = welcomed;
        welcomed = false;
        if (before) lost(reason.toString() || problem?.message || `closed with ${code}`);
        else reject(problem ?? new UnreachableError(`the daemon closed the connection with ${code}`));
      });
    });
  }

  function greet(welcome: Welcome): void {
    client = welcome.client;
    maxFrameBytes = welcome.limits.maxFrameBytes;
    // The daemon counts from a smaller number when its store was put back to an older copy.
    if (seen !== undefined) seen = Math.min(seen, welcome.seq);
    write(seen === undefined ? '{"type":"ping"}' : `{"type":"resume","seq":${seen}}`);
    acked = Math.min(acked, welcome.seq);
    if (acked > 0) sendAck();
    for (const waiters of waiting.values()) for (const waiter of waiters) write(waiter.frame);
    options.onState?.("up", "");
  }

  function hear(frame: Exclude<ServerFrame, Welcome>): void {
    switch (frame.type) {
      case "accepted":
        next(frame.id)?.resolve(frame.result);
        break;
      case "error":
        if (frame.id !== undefined) next(frame.id)?.reject(new DaemonRefusal(frame.code, frame.message, frame.retryAfterMs));
        break;
      case "reply":
        if (seen !== undefined && frame.seq <= seen) options.onRepeated?.(frame);
        else {
          seen = frame.seq;
          options.onReply(frame);
        }
        if (!options.manualAcks) ack(frame.seq);
        break;
      case "delta":
        options.onDelta?.(frame);
        break;
      case "ping":
        write('{"type":"pong"}');
    }
  }

  /** The answers to one id come in the order of its frames. */
  function next(id: string): Waiter | undefined {
    const waiters = waiting.get(id);
    const waiter = waiters?.shift();
    if (waiters?.length === 0) waiting.delete(id);
    return waiter;
  }

  function lost(reason: string): void {
    if (ended.signal.aborted) return;
    options.onState?.("down", reason);
    void dialAgain();
  }

  async function dialAgain(): Promise<void> {
    const { retryDelayMs = 200, maxRetryDelayMs = 10_000 } = options;
    for (let attempt = 1; ; attempt = Math.min(attempt + 1, 16)) {
      try {
        await sleep(clock, backoff(random, attempt, retryDelayMs, maxRetryDelayMs), ended.signal);
        return await dial();
      } catch (error) {
        if (ended.signal.aborted) return;
        if (error instanceof VerifyError) return refused(error);
      }
    }
  }

  function refused(error: VerifyError): void {
    ended.abort(error);
    giveUp(error);
    options.onState?.("refused", error.reason);
  }

  function giveUp(error: Error): void {
    for (const waiters of waiting.values()) for (const waiter of waiters) waiter.reject(error);
    waiting.clear();
  }

  function ack(seq: number): void {
    acked = Math.max(acked, seq);
    if (ackQueued) return;
    ackQueued = true;
    queueMicrotask(sendAck);
  }

  function sendAck(): void {
    ackQueued = false;
    write(`{"type":"ack","seq":${acked}}`);
  }

  /** All frames of one turn leave in one system call. */
  function write(frame: string): void {
    if (!welcomed || socket?.readyState !== WebSocket.OPEN) return;
    if (!corked && stream) {
      const flushing = stream;
      corked = true;
      flushing.cork();
      process.nextTick(() => {
        corked = false;
        flushing.uncork();
      });
    }
    socket.send(frame);
  }

  await dial();
  return {
    get client() {
      return client;
    },
    send(message) {
      const frame = JSON.stringify({ type: "message", ...message });
      return new Promise((resolve, reject) => {
        ended.signal.throwIfAborted();
        if (Buffer.byteLength(frame) > maxFrameBytes) {
          throw new ClawdbotError("CLAWDBOT_ERR_INVALID", `the message is larger than the daemon takes (${maxFrameBytes} bytes)`);
        }
        const waiter = { frame, resolve, reject };
        const waiters = waiting.get(message.id);
        if (waiters) waiters.push(waiter);
        else waiting.set(message.id, [waiter]);
        write(frame);
      });
    },
    ack,
    reset: () => socket?.terminate(),
    async close() {
      const reason = new ClawdbotError("CLAWDBOT_ERR_STOPPING", "the connection was closed");
      ended.abort(reason);
      giveUp(reason);
      const open = socket;
      if (!open || open.readyState === WebSocket.CLOSED) return;
      await new Promise<void>((resolve) => {
        const patience = clock.setTimeout(() => open.terminate(), CLOSE_WITHIN_MS);
        open.once("close", () => {
          clock.clearTimeout(patience);
          resolve();
        });
        open.close(1000);
      });
    },
  };
}
