import { createServer } from "node:http";
import type { AddressInfo, Socket } from "node:net";
import type { AdapterContext, InboundMessage, LogFields, Reply, SendResult, UpgradeHandler } from "clawdbot";
import { WebSocket } from "ws";
import websocket from "../../../adapters/websocket/index.ts";
import { systemClock, systemRandom } from "../../../src/clock.ts";
import { type FakeClock, fakeClock } from "../../../src/testing/fake-clock.ts";

type Sent = { reply: Reply; result: SendResult };
type Context = Pick<AdapterContext, "receive" | "sent">;

export const TOKEN = "token-of-the-tests";
export const LOCAL_TOKEN = "token-of-this-machine";

/** The smallest thing that can run the adapter: a real port, a list as the store, messages remembered. It is not the pipeline. */
export async function startHost(section: unknown = { token: TOKEN }, { real = false }: { real?: boolean } = {}) {
  const clock: FakeClock = fakeClock();
  const received: InboundMessage[] = [];
  const store: Sent[] = [];
  const kept = new Map<string, unknown>();
  const logged: { message: string; fields: LogFields | undefined }[] = [];
  const handlers = new Map<string, UpgradeHandler>();
  const log = (message: string, fields?: LogFields) => void logged.push({ message, fields });
  let login: Parameters<AdapterContext["offerLogin"]>[0] | undefined;
  let replies = 0;
  const context: AdapterContext = {
    channel: "websocket",
    account: "default",
    clock: real ? systemClock : clock,
    random: systemRandom,
    log: { debug: () => {}, info: log, warn: log, error: log },
    kv: {
      get: async (key) => (kept.has(key) ? { value: kept.get(key), version: 1 } : null),
      set: async (key, value) => {
        kept.set(key, value);
        return 1;
      },
      delete: async (key) => void kept.delete(key),
      list: async () => [],
    },
    async receive(message) {
      const known = received.some((other) => other.account === message.account && other.platformId === message.platformId);
      if (known) return "duplicate";
      received.push(message);
      return "accepted";
    },
    async sent(account, after, limit) {
      const rows = store.filter(({ reply }) => reply.account === account).sort((a, b) => a.result.sequence! - b.result.sequence!);
      return after === -1 ? rows.slice(-1) : rows.filter(({ result }) => result.sequence! > after).slice(0, limit);
    },
    route: () => {},
    upgrade: (path, handler) => void handlers.set(path, handler),
    client: () => Promise.reject(new Error("no platform")) as never,
    fetch: () => Promise.reject(new Error("no network")),
    localToken: async () => LOCAL_TOKEN,
    offerLogin: (offered) => {
      login = offered;
    },
    report: () => {},
    hide: () => {},
  };
  const server = createServer((_request, response) => response.writeHead(404).end());
  server.on("upgrade", (request, socket, head) => {
    const handler = handlers.get(request.url ?? "");
    if (handler) handler(request, socket, head);
    else socket.destroy();
  });
  const sockets = new Set<Socket>();
  server.on("connection", (socket) => {
    sockets.add(socket);
    socket.on("close", () => sockets.delete(socket));
  });
  const config = websocket.config.parse(section);
  let adapter = websocket.create(config, context);
  await adapter.start();
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const { port } = server.address() as AddressInfo;

  const host = {
    clock,
    received,
    store,
    kept,
    logged,
    config,
    url: `http://127.0.0.1:${port}`,
    wsUrl: `ws://127.0.0.1:${port}${config.path}`,
    get adapter() {
      return adapter;
    },
    get login() {
      return login;
    },
    /** Replaces parts of what the adapter is given. */
    context,
    override(parts: Partial<Context>) {
      Object.assign(context, parts);
    },
    reply(text: string, about: Partial<Reply> = {}): Reply {
      const account = about.account ?? "default";
      const conversation = { id: "room-1", type: "group" as const };
      return {
        id: `r${++replies}`,
        channel: "websocket",
        account,
        conversation,
        segments: [{ type: "text", text }],
        text,
        createdAt: 0,
        ...about,
      };
    },
    /** As the core does: the number, the commit, the news of it. */
    async deliver(reply: Reply): Promise<void> {
      const result = await host.send(reply);
      host.commit(reply, result);
    },
    /** From now on each accepted message is answered with its own text. */
    echo(): void {
      const { receive } = context;
      context.receive = async (message) => {
        const result = await receive(message);
        const { account, conversation, platformId, text } = message;
        if (result === "accepted") setImmediate(() => void host.deliver(host.reply(text, { account, conversation, replyTo: platformId })));
        return result;
      };
    },
    send: (reply: Reply): Promise<SendResult> => adapter.send(reply, { number: 1, maybeSent: false, signal: new AbortController().signal }),
    commit(reply: Reply, result: SendResult): void {
      store.push({ reply, result });
      adapter.delivered!(reply, result);
    },
    /** The process dies and another one begins with what is on disk. */
    async crash(then: unknown = section): Promise<void> {
      for (const socket of sockets) socket.destroy();
      adapter = websocket.create(websocket.config.parse(then), context);
      await adapter.start();
    },
    async connect(options: PeerOptions = {}): Promise<Peer> {
      const peer = openPeer(host.wsUrl, { token: TOKEN, ...options });
      await peer.opened;
      return peer;
    },
    async stop(): Promise<void> {
      for (const socket of sockets) socket.destroy();
      await adapter.stop();
      await new Promise((resolve) => server.close(resolve));
    },
  };
  return host;
}

export type Host = Awaited<ReturnType<typeof startHost>>;

interface PeerOptions {
  token?: string | null;
  headers?: Record<string, string>;
  protocols?: string[];
  autoPong?: boolean;
}

// biome-ignore lint/suspicious/noExplicitAny: a frame is whatever came
export type Frame = any;
export type Peer = ReturnType<typeof openPeer>;

/** A client without any cleverness. `opened` rejects with the status of a refusal. */
export function openPeer(url: string, { token = null, headers = {}, protocols = [], autoPong = true }: PeerOptions) {
  const socket = new WebSocket(url, protocols, {
    headers: token === null ? headers : { authorization: `Bearer ${token}`, ...headers },
    perMessageDeflate: false,
    autoPong,
  });
  const frames: Frame[] = [];
  const waiting: { wanted: number; resolve: () => void }[] = [];
  const opened = new Promise<void>((resolve, reject) => {
    socket.on("unexpected-response", (_request, response) => {
      reject(response.statusCode);
      socket.terminate();
    });
    socket.on("error", reject);
    socket.on("open", resolve);
  });
  const closed = new Promise<number>((resolve) => socket.on("close", resolve));
  socket.on("message", (data) => {
    frames.push(JSON.parse(String(data)));
    for (const entry of waiting) if (frames.length >= entry.wanted) entry.resolve();
  });
  return {
    socket,
    frames,
    opened,
    closed,
    send: (frame: unknown) => socket.send(typeof frame === "string" || Buffer.isBuffer(frame) ? frame : JSON.stringify(frame)),
    /** The first n frames since the connection opened. */
    async first(n: number): Promise<Frame[]> {
      if (frames.length < n) await new Promise<void>((resolve) => waiting.push({ wanted: n, resolve }));
      return frames.slice(0, n);
    },
    /** All frames but pongs, once the daemon has said what it had to say: two round trips, for what it looks up between them. */
    async settled(): Promise<Frame[]> {
      for (let round = 0; round < 2; round++) {
        const pong = new Promise<void>((resolve) => {
          const hear = (data: unknown) => {
            if (!String(data).includes('"type":"pong"')) return;
            socket.off("message", hear);
            resolve();
          };
          socket.on("message", hear);
        });
        socket.send('{"type":"ping"}');
        await pong;
      }
      return frames.filter((frame) => frame.type !== "pong");
    },
  };
}

export function messageFrame(id: string, text = "hi", more: Record<string, unknown> = {}) {
  return { type: "message", id, conversation: { id: "room-1", type: "group" }, sender: { id: "u1" }, text, ...more };
}
