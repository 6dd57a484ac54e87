import { type Clock, sleep, type Timer } from "clawdbot";
import type { WebSocket } from "ws";
import type { Fields } from "./frames.ts";
import { wireId } from "./ids.ts";
import type { Actions } from "./simulator-actions.ts";

const HEARTBEAT_MS = 15_000;

export interface SimulatedPeerParts {
  socket: WebSocket;
  self: string;
  /** What this connection is for; both when it is universal. */
  events: boolean;
  calls: boolean;
  clock: Clock;
  actions: Actions;
}

/** A peer's end of one open connection: says hello, beats, brings events and carries calls out. */
export class SimulatedPeer {
  readonly #on: SimulatedPeerParts;
  readonly #pongs = new Map<string, (arrived: boolean) => void>();
  #heart: Timer | undefined;
  #pings = 0;

  constructor(on: SimulatedPeerParts) {
    this.#on = on;
  }

  open(): void {
    const { socket, clock, events, calls } = this.#on;
    socket.on("pong", (data) => this.#pongs.get(data.toString())?.(true));
    socket.on("message", (data) => void (calls && this.#carryOut(String(data))));
    socket.on("error", () => {});
    socket.on("close", () => {
      clock.clearTimeout(this.#heart);
      for (const resolve of this.#pongs.values()) resolve(false);
    });
    if (!events) return;
    this.send(this.#meta({ meta_event_type: "lifecycle", sub_type: "connect" }));
    this.#beatLater();
  }

  get isOpen(): boolean {
    return this.#on.socket.readyState === this.#on.socket.OPEN;
  }

  send(frame: Fields): void {
    this.#on.socket.send(JSON.stringify(frame));
  }

  /** Brings an event. The protocol has no acknowledgement, but this daemon's pong says that all before the ping is on disk. */
  async deliver(event: Fields, patienceMs: number): Promise<"pong" | "silence" | "closed"> {
    if (!this.isOpen) return "closed";
    const { socket, clock } = this.#on;
    const ping = String(++this.#pings);
    let patience: Timer | undefined;
    const arrived = await new Promise<boolean>((resolve) => {
      this.#pongs.set(ping, resolve);
      patience = clock.setTimeout(() => resolve(false), patienceMs);
      this.send(event);
      socket.ping(ping);
    });
    clock.clearTimeout(patience);
    this.#pongs.delete(ping);
    if (arrived) return "pong";
    return this.isOpen ? "silence" : "closed";
  }

  close(): void {
    this.#on.socket.close();
  }

  terminate(): void {
    this.#on.socket.terminate();
  }

  async #carryOut(text: string): Promise<void> {
    const { result, broken, delayMs } = this.#on.actions.take(JSON.parse(text));
    if (broken) return this.terminate();
    if (delayMs !== undefined) await sleep(this.#on.clock, delayMs);
    if (result && this.isOpen) this.send(result);
  }

  #beatLater(): void {
    this.#heart = this.#on.clock.setTimeout(() => {
      this.send(this.#meta({ meta_event_type: "heartbeat", status: { online: true, good: true }, interval: HEARTBEAT_MS }));
      this.#beatLater();
    }, HEARTBEAT_MS);
    this.#heart.unref();
  }

  #meta(event: Fields): Fields {
    const { self, clock } = this.#on;
    return { time: Math.floor(clock.now() / 1000), self_id: wireId(self), post_type: "meta_event", ...event };
  }
}
