import { connect, type Socket } from "node:net";
import { createHttpServer, type HttpServer, type HttpServerOptions } from "../../src/http/server.ts";
import type { LogFields } from "../../src/skill.ts";
import { type FakeClock, fakeClock } from "../../src/testing/fake-clock.ts";

export interface TestServer {
  server: HttpServer;
  clock: FakeClock;
  log: { level: string; message: string; fields: LogFields }[];
  counted: string[];
  /** Sends bytes on a connection of its own. */
  connect(): Promise<Wire>;
}

/** A server on a port of its own, with all that it says and counts. */
export async function testServer(options: Partial<HttpServerOptions> = {}): Promise<TestServer> {
  const clock = fakeClock();
  const log: TestServer["log"] = [];
  const counted: string[] = [];
  const at =
    (level: string) =>
    (message: string, fields: LogFields = {}) =>
      void log.push({ level, message, fields });
  const server = createHttpServer({
    host: "127.0.0.1",
    port: 0,
    maxBody: 1000,
    maxConnectionsPerAddress: 100,
    clock,
    log: { debug: at("debug"), info: at("info"), warn: at("warn"), error: at("error") },
    metrics: {
      gate: (gate, decision, reason) => void counted.push(`${gate} ${decision} ${reason}`),
      error: (type, component) => void counted.push(`${component} ${type}`),
    },
    ready: async () => ({ ready: true, reasons: [] }),
    started: () => true,
    ...options,
  });
  await server.start();
  const port = Number(new URL(server.url).port);
  return { server, clock, log, counted, connect: () => openWire(port) };
}

export interface Wire {
  socket: Socket;
  write(text: string): void;
  /** All that came in, once it contains the text. */
  until(text: string): Promise<string>;
  /** All that came in, once the peer has closed. */
  closed: Promise<string>;
}

export function openWire(port: number): Promise<Wire> {
  return new Promise((resolve, reject) => {
    let received = "";
    const waiting: { text: string; found: (all: string) => void }[] = [];
    const socket = connect(port, "127.0.0.1");
    socket.on("data", (data) => {
      received += data.toString("latin1");
      for (const { text, found } of waiting) if (received.includes(text)) found(received);
    });
    // Who is cut off while it writes sees a reset instead of an end.
    socket.on("error", reject);
    const closed = new Promise<string>((done) => socket.once("close", () => done(received)));
    const until = (text: string) =>
      new Promise<string>((found) => (received.includes(text) ? found(received) : waiting.push({ text, found })));
    socket.once("connect", () => resolve({ socket, write: (text) => void socket.write(text), until, closed }));
  });
}

export function post(path: string, body = "", headers = ""): string {
  return `POST ${path} HTTP/1.1\r\nHost: x\r\n${headers}Content-Length: ${Buffer.byteLength(body)}\r\n\r\n${body}`;
}

/** A promise and the function that resolves it. */
export function gate<T = void>(): { promise: Promise<T>; open: (value: T) => void } {
  let open!: (value: T) => void;
  const promise = new Promise<T>((resolve) => {
    open = resolve;
  });
  return { promise, open };
}
