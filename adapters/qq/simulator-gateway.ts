import type { IncomingMessage } from "node:http";
import type { Duplex } from "node:stream";
import { type Clock, sleep, type Timer } from "clawdbot";
import { type WebSocket, WebSocketServer } from "ws";
import { type Frame, isObject, OP, parseFrame } from "./event.ts";

const PATIENCE_MS = 20_000;
/** Events that a session keeps for a Resume. */
const MEMORY = 20_000;
const SESSIONS = 100;

interface SimulatedSession {
  id: string;
  lastSequence: number;
  /** The client has said that it has everything up to this one. */
  acked: number;
  events: { s: number; text: string }[];
  socket: WebSocket | undefined;
  waiting: Set<() => void>;
}

export interface SimulatedGatewayOptions {
  clock: Clock;
  heartbeatMs: number;
  isToken(token: string): boolean;
  count(call: string): void;
}

/** The platform's side of the gateway. https://bot.q.qq.com/wiki/develop/api-v2/dev-prepare/interface-framework/event-emit.html */
export class SimulatedGateway {
  /** What bots may subscribe to. */
  granted = 0xffff_ffff;
  /** The code with which the next Identify or Resume is answered instead; taken off when used. */
  readonly refusals: number[] = [];
  /** Positions that were named in Resume. */
  readonly resumedAt: number[] = [];
  /** While true nothing is answered and nothing is sent, but the connections stay. */
  frozen = false;
  readonly #on: SimulatedGatewayOptions;
  readonly #server = new WebSocketServer({ noServer: true });
  readonly #sessions = new Map<string, SimulatedSession>();
  #current: SimulatedSession | undefined;
  #ids = 0;

  constructor(on: SimulatedGatewayOptions) {
    this.#on = on;
  }

  upgrade(request: IncomingMessage, stream: Duplex, head: Buffer): void {
    this.#server.handleUpgrade(request, stream, head, (socket) => this.#open(socket));
  }

  get connections(): number {
    return this.#server.clients.size;
  }

  /** Closes all connections with a code. */
  close(code: number): void {
    for (const socket of this.#server.clients) socket.close(code, "simulated");
  }

  /** Breaks all connections off. */
  terminate(): void {
    for (const socket of this.#server.clients) socket.terminate();
  }

  /** Sends a frame that is no event over all connections. */
  send(op: number, d?: unknown): void {
    for (const socket of this.#server.clients) socket.send(JSON.stringify({ op, d }));
  }

  /** Ends all sessions: a Resume of one of them is refused from now on. */
  forget(): void {
    this.#sessions.clear();
    this.#current = undefined;
  }

  /** Pushes an event; resolves with whether the client has said that it has it, within patienceMs. */
  async dispatch(event: { id: string; t: string; d: unknown }, patienceMs: number): Promise<boolean> {
    const { clock } = this.#on;
    const giveUp = new AbortController();
    const session = await this.#session(patienceMs, giveUp.signal);
    if (!session) return false;
    const s = ++session.lastSequence;
    const text = JSON.stringify({ op: OP.dispatch, s, ...event });
    session.events.push({ s, text });
    if (session.events.length > MEMORY) session.events.shift();
    this.#write(session, text);
    return await new Promise((resolve) => {
      const check = () => {
        if (session.acked < s) return;
        clock.clearTimeout(timer);
        session.waiting.delete(check);
        resolve(true);
      };
      const timer = clock.setTimeout(() => {
        session.waiting.delete(check);
        resolve(false);
      }, patienceMs);
      session.waiting.add(check);
    });
  }

  /** The session of the moment, waited for when there is none yet. */
  async #session(patienceMs: number, signal: AbortSignal): Promise<SimulatedSession | undefined> {
    for (let waited = 0; !this.#current && waited < patienceMs; waited += 20) await sleep(this.#on.clock, 20, signal);
    return this.#current;
  }

  #write(session: SimulatedSession, text: string): void {
    if (!this.frozen) session.socket?.send(text);
  }

  #open(socket: WebSocket): void {
    const { clock, heartbeatMs } = this.#on;
    let session: SimulatedSession | undefined;
    let late: Timer | undefined;
    const expectHeartbeat = () => {
      clock.clearTimeout(late);
      late = clock.setTimeout(() => socket.close(4009, "no heartbeat"), Math.max(3 * heartbeatMs, PATIENCE_MS));
      late.unref();
    };
    socket.on("error", () => {});
    socket.on("close", () => {
      clock.clearTimeout(late);
      if (session?.socket === socket) session.socket = undefined;
    });
    socket.on("message", (data) => {
      if (this.frozen) return;
      const frame = parseFrame(String(data));
      if (frame.op === OP.heartbeat) {
        this.#on.count("heartbeat");
        expectHeartbeat();
        if (session && typeof frame.d === "number") this.#acknowledged(session, frame.d);
        socket.send(JSON.stringify({ op: OP.heartbeatAck }));
      } else if (frame.op === OP.identify || frame.op === OP.resume) {
        session = this.#login(socket, frame);
      } else socket.close(4001, "opcode");
    });
    socket.send(JSON.stringify({ op: OP.hello, d: { heartbeat_interval: heartbeatMs } }));
    expectHeartbeat();
  }

  #login(socket: WebSocket, { op, d }: Frame): SimulatedSession | undefined {
    const isResume = op === OP.resume;
    this.#on.count(isResume ? "resume" : "identify");
    const refusal = this.refusals.shift();
    const close = (code: number) => void socket.close(code, "simulated");
    if (refusal !== undefined) return close(refusal) as undefined;
    if (!isObject(d) || typeof d.token !== "string") return close(4002) as undefined;
    if (!this.#on.isToken(d.token.replace(/^QQBot /, ""))) return close(4004) as undefined;
    if (isResume) return this.#resume(socket, String(d.session_id), Number(d.seq));
    if (typeof d.intents !== "number" || (d.intents & ~this.granted) !== 0) return close(4014) as undefined;
    return this.#identify(socket);
  }

  #identify(socket: WebSocket): SimulatedSession {
    const session: SimulatedSession = {
      id: `simulated-session-${++this.#ids}-${this.#on.clock.now().toString(36)}`,
      lastSequence: 1,
      acked: 1,
      events: [],
      socket,
      waiting: new Set(),
    };
    this.#sessions.set(session.id, session);
    if (this.#sessions.size > SESSIONS) this.#sessions.delete(this.#sessions.keys().next().value!);
    const user = { id: "10000", username: "simulated bot", bot: true };
    socket.send(JSON.stringify({ op: OP.dispatch, s: 1, t: "READY", d: { version: 1, session_id: session.id, user, shard: [0, 1] } }));
    this.#current = session;
    return session;
  }

  #resume(socket: WebSocket, id: string, position: number): SimulatedSession | undefined {
    this.resumedAt.push(position);
    const session = this.#sessions.get(id);
    if (!session || position > session.lastSequence) {
      socket.send(JSON.stringify({ op: OP.invalidSession, d: false }));
      return undefined;
    }
    session.socket = socket;
    this.#current = session;
    this.#acknowledged(session, position);
    for (const { s, text } of session.events) if (s > position) this.#write(session, text);
    const s = ++session.lastSequence;
    this.#write(session, JSON.stringify({ op: OP.dispatch, s, t: "RESUMED", d: "" }));
    return session;
  }

  #acknowledged(session: SimulatedSession, position: number): void {
    session.acked = Math.max(session.acked, position);
    while (session.events[0] && session.events[0].s <= session.acked) session.events.shift();
    for (const check of session.waiting) check();
  }
}
