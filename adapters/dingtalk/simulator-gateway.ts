import type { IncomingMessage } from "node:http";
import type { Duplex } from "node:stream";
import { type Clock, sleep, type Timer } from "clawdbot";
import { type WebSocket, WebSocketServer } from "ws";

const TICKET_MS = 90_000;
/** An expired connection is open for so long, and nothing is sent on it. */
const EXPIRED_MS = 10_000;

interface Connection {
  socket: WebSocket;
  expired: boolean;
  /** Who waits for the answer to which frame; told undefined when the connection ends. */
  waiting: Map<string, (answer: Answer | undefined) => void>;
}

export interface Answer {
  code: number;
  data: string;
}

/** How a push ended: the answer's code, or why there was none. */
export type Pushed = number | "no answer" | "no connection" | "closed";

/** The server side of Stream mode. https://opensource.dingtalk.com/developerpedia/docs/learn/stream/protocol */
export interface SimulatedGateway {
  /** How many connections are pushed to. */
  readonly live: number;
  /** How many sockets are open, the expired ones too. */
  readonly open: number;
  /** A ticket for one connection within 90 s. */
  ticket(): string;
  upgrade(request: IncomingMessage, socket: Duplex, head: Buffer): void;
  /** Resolves once somebody has ever been connected, or the time is up. */
  firstConnection(withinMs: number): Promise<void>;
  /** Pushes a frame to one of the live connections and resolves with its answer, if that comes in time. onLate: the answer came later. */
  push(frame: { type: string; topic: string; data: string }, patienceMs: number, onLate?: (code: number) => void): Promise<Pushed>;
  /** SYSTEM ping; whether the same data came back. */
  ping(withinMs: number): Promise<boolean>;
  /** Tells all that their connection expires; they are closed after ten seconds. */
  expire(): void;
  /** Breaks all connections off. */
  reset(): void;
  /** Half-open: all connections stay, but nothing is read from them any more. */
  freeze(): void;
  /** Sends any text to all. */
  raw(text: string): void;
  /** Answers to frames are dropped on their way, this many. */
  loseAnswers(n: number): void;
  /** Refuses sockets, or does so no longer. */
  refuse(refuses: boolean): void;
  stop(): void;
}

export function createSimulatedGateway(clock: Clock): SimulatedGateway {
  const server = new WebSocketServer({ noServer: true, clientTracking: false, perMessageDeflate: false });
  const tickets = new Map<string, number>();
  const connections = new Set<Connection>();
  let arrived = () => {};
  const first = new Promise<void>((resolve) => {
    arrived = resolve;
  });
  let issued = 0;
  let frames = 0;
  let turn = 0;
  let toLose = 0;
  let refusing = false;

  const live = () => [...connections].filter((connection) => !connection.expired);

  function accept(socket: WebSocket): void {
    const connection: Connection = { socket, expired: false, waiting: new Map() };
    connections.add(connection);
    socket.on("message", (data) => hear(connection, String(data)));
    socket.on("error", () => {});
    socket.on("close", () => {
      connections.delete(connection);
      for (const giveUp of connection.waiting.values()) giveUp(undefined);
    });
    arrived();
  }

  function hear(connection: Connection, text: string): void {
    const { code, headers, data } = JSON.parse(text) as { code: number; headers: { messageId: string }; data: string };
    if (toLose > 0) {
      toLose--;
      return;
    }
    connection.waiting.get(headers.messageId)?.({ code, data });
  }

  function frameText(messageId: string, { type, topic, data }: { type: string; topic: string; data: string }): string {
    const headers = {
      appId: "simulated",
      connectionId: "simulated",
      contentType: "application/json",
      messageId,
      time: String(clock.now()),
      topic,
    };
    return JSON.stringify({ specVersion: "1.0", type, headers, data });
  }

  function ask(
    connection: Connection,
    frame: { type: string; topic: string; data: string },
    patienceMs: number,
    onLate: (answer: Answer) => void = () => {},
  ): Promise<Answer | "no answer" | "closed"> {
    const messageId = `simulated_${++frames}`;
    return new Promise((resolve) => {
      const patience: Timer = clock.setTimeout(() => {
        connection.waiting.set(messageId, (answer) => answer && onLate(answer));
        resolve("no answer");
      }, patienceMs);
      connection.waiting.set(messageId, (answer) => {
        clock.clearTimeout(patience);
        connection.waiting.delete(messageId);
        resolve(answer ?? "closed");
      });
      connection.socket.send(frameText(messageId, frame));
    });
  }

  return {
    get live() {
      return live().length;
    },
    get open() {
      return connections.size;
    },
    refuse(refuses) {
      refusing = refuses;
    },
    ticket() {
      const ticket = `simulated/ticket+${++issued}`;
      tickets.set(ticket, clock.now() + TICKET_MS);
      return ticket;
    },
    upgrade(request, socket, head) {
      const ticket = new URL(request.url ?? "/", "http://simulator").searchParams.get("ticket") ?? "";
      const goodUntil = tickets.get(ticket) ?? 0;
      tickets.delete(ticket);
      if (refusing || clock.now() >= goodUntil) {
        socket.end("HTTP/1.1 401 Unauthorized\r\nConnection: close\r\nContent-Length: 0\r\n\r\n");
        return;
      }
      server.handleUpgrade(request, socket, head, accept);
    },
    async firstConnection(withinMs) {
      const patience = new AbortController();
      await Promise.race([first, sleep(clock, withinMs, patience.signal).catch(() => undefined)]);
      patience.abort();
    },
    async push(frame, patienceMs, onLate) {
      const all = live();
      const connection = all[turn++ % all.length];
      if (!connection) return "no connection";
      const answer = await ask(connection, frame, patienceMs, ({ code }) => onLate?.(code));
      return typeof answer === "string" ? answer : answer.code;
    },
    async ping(withinMs) {
      const [connection] = live();
      const data = JSON.stringify({ opaque: `simulated-${++frames}` });
      const answer = connection && (await ask(connection, { type: "SYSTEM", topic: "ping", data }, withinMs));
      return typeof answer === "object" && answer.code === 200 && answer.data === data;
    },
    expire() {
      for (const connection of live()) {
        connection.expired = true;
        const data = JSON.stringify({ reason: "connection is expired" });
        connection.socket.send(frameText(`simulated_${++frames}`, { type: "SYSTEM", topic: "disconnect", data }));
        clock.setTimeout(() => connection.socket.close(), EXPIRED_MS).unref();
      }
    },
    reset() {
      for (const { socket } of connections) socket.terminate();
    },
    freeze() {
      for (const connection of connections) {
        connection.expired = true;
        connection.socket.pause();
      }
    },
    raw(text) {
      for (const { socket } of connections) socket.send(text);
    },
    loseAnswers(n) {
      toLose = n;
    },
    stop() {
      for (const { socket } of connections) socket.terminate();
      arrived();
    },
  };
}
