import net from "node:net";

export interface Platform {
  port: number;
  /** Called with the number in each reply that arrives. */
  onReply(number: number): void;
  close(): void;
}

/** The platform's API, as cheap as it can be: hands out a token, takes every message/send. */
export async function startPlatform(): Promise<Platform> {
  const token = answer('{"errcode":0,"errmsg":"ok","access_token":"bench-access-token","expires_in":7200}');
  const taken = answer('{"errcode":0,"errmsg":"ok","msgid":"xGVnZl1oEsZ5LcFq"}');
  const server = net.createServer({ noDelay: true }, (socket) => {
    let text = "";
    socket.on("error", () => {});
    socket.on("data", (chunk: Buffer) => {
      text = text ? text + chunk.toString("latin1") : chunk.toString("latin1");
      for (;;) {
        const head = text.indexOf("\r\n\r\n");
        if (head < 0) return;
        const length = /content-length: *(\d+)/i.exec(text.slice(0, head))?.[1] ?? "0";
        const end = head + 4 + Number(length);
        if (text.length < end) return;
        if (text.startsWith("GET")) {
          socket.write(token);
        } else {
          const number = Number(/ORD-(\d{8})/.exec(text.slice(head, end))?.[1]);
          if (Number.isNaN(number)) throw new Error(`not the answer to a callback of the bench: ${text.slice(0, end)}`);
          platform.onReply(number);
          socket.write(taken);
        }
        text = text.slice(end);
      }
    });
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const platform: Platform = { port: (server.address() as net.AddressInfo).port, onReply: () => {}, close: () => server.close() };
  return platform;
}

function answer(body: string): Buffer {
  return Buffer.from(`HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: ${body.length}\r\n\r\n${body}`);
}

export interface LoadResult {
  /** Messages answered. */
  count: number;
  wallMs: number;
  perSecond: number;
  /** From callback written to reply received, ms. */
  p50: number;
  p99: number;
  /** From callback written to its HTTP answer, ms. */
  ackP99: number;
  lost: number;
  twice: number;
}

export interface LoadOptions {
  port: number;
  platform: Platform;
  requests: Buffer[];
  /** Where in `requests` to begin; moved on. */
  position: { next: number };
  durationMs: number;
  /** Ends after so many messages, if that is sooner. */
  messages?: number;
  /** Closed loop: messages on their way at any time. */
  window?: number;
  /** Open loop: Poisson arrivals per second; latencies count from the intended instant. */
  rate?: number;
  connections?: number;
}

interface Connection {
  socket: net.Socket;
  number: number;
  /** Length of one answer, learnt from the first; all are alike. */
  length: number;
  got: number;
  text: string;
}

/** Drives one server and measures on one clock: this process both sends the callbacks and receives the replies. */
export async function load(options: LoadOptions): Promise<LoadResult> {
  const {
    port,
    platform,
    requests,
    position,
    durationMs,
    messages = Number.POSITIVE_INFINITY,
    window = 64,
    rate = 0,
    connections = 64,
  } = options;
  const last = Math.min(requests.length, position.next + messages);
  const sentAt = new Float64Array(requests.length);
  const seen = new Uint8Array(requests.length);
  const latencies: number[] = [];
  const acks: number[] = [];
  const idle: Connection[] = [];
  const waiting: number[] = [];
  let inFlight = 0;
  let twice = 0;
  let stopping = false;
  let finished = () => {};
  const finish = new Promise<void>((resolve) => (finished = resolve));

  const write = (connection: Connection, number: number) => {
    connection.number = number;
    connection.socket.write(requests[number]!);
  };
  const acked = (connection: Connection) => {
    acks.push(performance.now() - sentAt[connection.number]!);
    const next = waiting.shift();
    if (next === undefined) idle.push(connection);
    else write(connection, next);
  };
  const sockets = await Promise.all(Array.from({ length: connections }, () => connect(port, acked)));
  idle.push(...sockets);

  const offer = (at: number) => {
    if (position.next >= last) {
      stopping = true;
      return;
    }
    const number = position.next++;
    sentAt[number] = at;
    inFlight++;
    const connection = idle.pop();
    if (connection) write(connection, number);
    else waiting.push(number);
  };
  platform.onReply = (number) => {
    if (seen[number]) {
      twice++;
      return;
    }
    seen[number] = 1;
    latencies.push(performance.now() - sentAt[number]!);
    inFlight--;
    if (!stopping && rate === 0) offer(performance.now());
    if (stopping && inFlight === 0) finished();
  };

  const start = performance.now();
  const end = () => {
    stopping = true;
    if (inFlight === 0) finished();
  };
  if (rate === 0) {
    for (let n = 0; n < window; n++) offer(start);
    setTimeout(end, durationMs);
  } else {
    let due = start;
    const tick = () => {
      const now = performance.now();
      for (; due <= now && !stopping; due += (-Math.log(1 - Math.random()) * 1000) / rate) offer(due);
      if (now - start < durationMs && !stopping) setImmediate(tick);
      else end();
    };
    tick();
  }
  const limit = setTimeout(() => finished(), durationMs + 10_000);
  await finish;
  clearTimeout(limit);
  const wallMs = performance.now() - start;
  for (const { socket } of sockets) socket.destroy();
  platform.onReply = () => {};
  latencies.sort((a, b) => a - b);
  acks.sort((a, b) => a - b);
  return {
    count: latencies.length,
    wallMs,
    perSecond: (latencies.length / wallMs) * 1000,
    p50: percentile(latencies, 0.5),
    p99: percentile(latencies, 0.99),
    ackP99: percentile(acks, 0.99),
    lost: inFlight,
    twice,
  };
}

async function connect(port: number, acked: (connection: Connection) => void): Promise<Connection> {
  const socket = net.connect(port, "127.0.0.1");
  socket.setNoDelay(true);
  const connection: Connection = { socket, number: -1, length: 0, got: 0, text: "" };
  socket.on("data", (chunk: Buffer) => {
    if (connection.length === 0) {
      connection.text += chunk.toString("latin1");
      const head = connection.text.indexOf("\r\n\r\n");
      if (head < 0) return;
      if (!connection.text.startsWith("HTTP/1.1 200")) throw new Error(`the server refused a callback: ${connection.text.slice(0, 200)}`);
      const length = head + 4 + Number(/content-length: *(\d+)/i.exec(connection.text)?.[1] ?? 0);
      if (connection.text.length < length) return;
      connection.length = length;
    } else {
      connection.got += chunk.length;
      if (connection.got < connection.length) return;
      connection.got -= connection.length;
    }
    acked(connection);
  });
  await new Promise<void>((resolve, reject) => socket.once("connect", resolve).once("error", reject));
  socket.on("error", () => {});
  return connection;
}

function percentile(sorted: number[], share: number): number {
  return sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))] ?? Number.NaN;
}
