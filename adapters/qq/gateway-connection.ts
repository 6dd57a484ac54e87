import { type AdapterContext, errorCode, OverloadedError, type Timer, VerifyError } from "clawdbot";
import type { WebSocket } from "ws";
import { type Verdict, verdictOf } from "./close-codes.ts";
import { type Frame, isObject, OP, parseFrame } from "./event.ts";
import { ResumePoint } from "./resume-point.ts";

/** From the first packet to the greeting, and between two events that are sent again. */
const PATIENCE_MS = 20_000;
/** A shorter heartbeat than this must not make a busy moment look like a dead peer. */
const LEAST_ACK_MS = 5000;
const INVALID_SESSION_MS = 3000;
const MAX_FRAME_BYTES = 4 * 1024 * 1024;
/** Events that wait for the store; the socket is not read while there are more. */
const MAX_WAITING = 1000;

export interface Session {
  id: string;
  /** All events up to this one are on disk. */
  position: number;
}

export interface ConnectionParts {
  url: string;
  token: string;
  intents: number;
  /** The session to go on with; a new one when there is none. */
  session: Session | undefined;
  context: AdapterContext;
  /** Resolves when the event is on disk, or was none to keep. */
  onEvent(frame: Frame): Promise<void>;
  /** Events come in from now on. */
  onUp(session: Session, how: "identified" | "resumed"): void;
  /** The session's position has moved. */
  onMoved(session: Session): void;
}

/** How a connection ended. */
export interface End extends Verdict {
  /** How far it got: not even a greeting, a greeting, or events. */
  reached: "nothing" | "hello" | "up";
  /** How long events came in. */
  upMs: number;
  /** Whether it was broken off because an event could not be kept. */
  refused: boolean;
}

/** One connection to the gateway, from dialling to its end. https://bot.q.qq.com/wiki/develop/api-v2/dev-prepare/interface-framework/event-emit.html */
export class GatewayConnection {
  readonly #on: ConnectionParts;
  readonly #ended: Promise<End>;
  #settle!: (end: End) => void;
  #socket: WebSocket | undefined;
  #session: Session | undefined;
  #point: ResumePoint;
  #reached: End["reached"] = "nothing";
  #upSince = 0;
  #verdict: Verdict | undefined;
  #refused = false;
  #over = false;
  #deadline: Timer | undefined;
  #beat: Timer | undefined;
  #intervalMs = 0;
  /** When the oldest heartbeat without an answer was sent. */
  #unansweredSince: number | undefined;

  constructor(on: ConnectionParts) {
    this.#on = on;
    this.#session = on.session && { ...on.session };
    this.#point = new ResumePoint(on.session?.position ?? 0);
    this.#ended = new Promise((resolve) => {
      this.#settle = resolve;
    });
  }

  /** Resolves when the connection has ended, never rejects. */
  async run(): Promise<End> {
    const { WebSocket } = await import("ws");
    if (this.#over) return await this.#ended;
    const socket = new WebSocket(this.#on.url, { perMessageDeflate: false, maxPayload: MAX_FRAME_BYTES });
    this.#socket = socket;
    this.#wait();
    socket.on("message", (data) => this.#hear(String(data)));
    socket.on("error", (error) => this.#on.context.log.debug("gateway connection failed", { code: errorCode(error) }));
    socket.on("close", (code) => this.#end(this.#verdict ?? verdictOf(code)));
    return await this.#ended;
  }

  /** Breaks it off without the platform's assent: the session can be resumed. */
  break(verdict: Verdict): void {
    this.#verdict ??= verdict;
    this.#over = true;
    if (this.#socket) this.#socket.terminate();
    else this.#end(this.#verdict);
  }

  #end(verdict: Verdict): void {
    const { clock } = this.#on.context;
    this.#over = true;
    clock.clearTimeout(this.#deadline);
    clock.clearTimeout(this.#beat);
    const upMs = this.#reached === "up" ? clock.monotonic() - this.#upSince : 0;
    this.#settle({ ...verdict, reached: this.#reached, upMs, refused: this.#refused });
  }

  /** Until events come in, each step has its time. */
  #wait(): void {
    const { clock } = this.#on.context;
    clock.clearTimeout(this.#deadline);
    this.#deadline = clock.setTimeout(() => {
      // Then it is the store that is waited for.
      if (this.#point.waiting > 0) this.#wait();
      else this.break({ next: "resume", detail: "the gateway does not answer" });
    }, PATIENCE_MS);
  }

  #hear(text: string): void {
    if (this.#over) return;
    let frame: Frame;
    try {
      frame = parseFrame(text);
    } catch (error) {
      if (!(error instanceof VerifyError)) throw error;
      return void this.break({ next: "resume", detail: "the gateway sent what is no frame" });
    }
    switch (frame.op) {
      case OP.hello:
        this.#greeted(frame);
        break;
      case OP.dispatch:
        this.#dispatched(frame);
        break;
      case OP.heartbeat:
        this.#sendHeartbeat();
        break;
      case OP.heartbeatAck:
        this.#unansweredSince = undefined;
        break;
      case OP.reconnect:
        this.break({ next: "resume", detail: "the platform asked to connect again" });
        break;
      case OP.invalidSession: {
        const next = frame.d === true ? "resume" : "identify";
        this.break({ next, detail: "the session is invalid", waitMs: INVALID_SESSION_MS });
      }
    }
  }

  #greeted({ d }: Frame): void {
    const { token, intents } = this.#on;
    const interval = isObject(d) ? Number(d.heartbeat_interval) : Number.NaN;
    if (!(interval > 0)) return void this.break({ next: "resume", detail: "the gateway's greeting has no heartbeat_interval" });
    this.#reached = "hello";
    this.#intervalMs = interval;
    this.#wait();
    const authorization = `QQBot ${token}`;
    if (this.#session) {
      this.#write(OP.resume, { token: authorization, session_id: this.#session.id, seq: this.#session.position });
    } else {
      this.#write(OP.identify, { token: authorization, intents, shard: [0, 1], properties: {} });
    }
    this.#beatLater();
  }

  #dispatched(frame: Frame): void {
    if (frame.t === "READY") {
      const id = isObject(frame.d) ? frame.d.session_id : undefined;
      if (typeof id !== "string") return void this.break({ next: "identify", detail: "READY without a session" });
      this.#session = { id, position: frame.s ?? 0 };
      this.#point = new ResumePoint(this.#session.position);
      this.#up("identified");
      return;
    }
    if (!this.#session) return;
    const done = frame.s === undefined ? () => {} : this.#point.arrived(frame.s);
    if (frame.t === "RESUMED") {
      this.#up("resumed");
      this.#moved(done);
      return;
    }
    if (this.#reached !== "up") this.#wait();
    if (this.#point.waiting > MAX_WAITING) this.#socket?.pause();
    this.#on.onEvent(frame).then(
      () => this.#moved(done),
      (error: unknown) => {
        // Everything from this event on is to be sent again.
        this.#refused = true;
        const detail = "an event could not be kept, the platform is to send it again";
        this.break({ next: "resume", detail, ...(error instanceof OverloadedError && { waitMs: error.retryAfterMs }) });
      },
    );
  }

  #up(how: "identified" | "resumed"): void {
    const { clock } = this.#on.context;
    clock.clearTimeout(this.#deadline);
    this.#reached = "up";
    this.#upSince = clock.monotonic();
    this.#on.onUp({ ...this.#session! }, how);
  }

  #moved(done: () => void): void {
    done();
    if (this.#socket?.isPaused && this.#point.waiting <= MAX_WAITING) this.#socket.resume();
    if (this.#point.position === this.#session!.position) return;
    this.#session!.position = this.#point.position;
    this.#on.onMoved({ ...this.#session! });
  }

  #beatLater(): void {
    this.#beat = this.#on.context.clock.setTimeout(() => {
      const { clock } = this.#on.context;
      const patience = Math.max(this.#intervalMs, LEAST_ACK_MS);
      if (this.#unansweredSince !== undefined && clock.monotonic() - this.#unansweredSince >= patience) {
        return void this.break({ next: "resume", detail: "the gateway no longer answers heartbeats" });
      }
      this.#sendHeartbeat();
      this.#beatLater();
    }, this.#intervalMs);
    this.#beat.unref();
  }

  /** Names what is on disk, not what came in. */
  #sendHeartbeat(): void {
    this.#unansweredSince ??= this.#on.context.clock.monotonic();
    this.#write(OP.heartbeat, this.#session ? this.#session.position : null);
  }

  #write(op: number, d: unknown): void {
    const socket = this.#socket;
    if (socket?.readyState === socket?.OPEN) socket?.send(JSON.stringify({ op, d }));
  }
}
