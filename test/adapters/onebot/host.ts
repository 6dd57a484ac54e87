import { createServer } from "node:http";
import type { AddressInfo, Socket } from "node:net";
import type { AdapterContext, InboundMessage, LogFields, Reply, SendResult, UpgradeHandler } from "clawdbot";
import { WebSocket } from "ws";
import onebot from "../../../adapters/onebot/index.ts";
import { type FakeClock, fakeClock, seededRandom } from "../../../src/testing/fake-clock.ts";
import { until } from "../../../src/testing/until.ts";

export const TOKEN = "token-of-the-tests";
export const LOCAL_TOKEN = "token-of-this-machine";
export const SELF = "10001";

// biome-ignore lint/suspicious/noExplicitAny: a frame is whatever came
export type Frame = any;

/** The smallest thing that can run the adapter: a real port, messages remembered. It is not the pipeline. */
export async function startHost(section: unknown = { token: TOKEN }) {
  const clock: FakeClock = fakeClock();
  const received: InboundMessage[] = [];
  const reports: { receiving: boolean; detail: string }[] = [];
  const logged: { message: string; fields: LogFields | undefined }[] = [];
  const handlers = new Map<string, UpgradeHandler>();
  const sockets = new Set<Socket>();
  const log = (message: string, fields?: LogFields) => void logged.push({ message, fields });
  const absent = () => Promise.reject(new Error("not used by this channel"));
  const context: AdapterContext = {
    channel: "onebot",
    account: "default",
    clock,
    random: seededRandom(1),
    log: { debug: log, info: log, warn: log, error: log },
    kv: { get: absent, set: absent, delete: absent, list: absent },
    async receive(message) {
      received.push(message);
      return "accepted";
    },
    sent: absent,
    route: () => {},
    upgrade: (path, handler) => void handlers.set(path, handler),
    client: absent as never,
    fetch: absent,
    localToken: async () => LOCAL_TOKEN,
    offerLogin: () => {},
    report: (state) => void reports.push(state),
    hide: () => {},
  };
  const server = createServer((_request, response) => response.writeHead(404).end());
  server.on("upgrade", (request, socket, head) => {
    const handler = handlers.get(request.url!.split("?", 1)[0]!);
    if (handler) handler(request, socket, head);
    else socket.destroy();
  });
  server.on("connection", (socket) => {
    sockets.add(socket);
    socket.on("close", () => sockets.delete(socket));
  });
  const adapter = onebot.create(onebot.config.parse(section), context);
  await adapter.start();
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const url = `ws://127.0.0.1:${(server.address() as AddressInfo).port}`;
  let replies = 0;

  const host = {
    clock,
    received,
    logged,
    context,
    adapter,
    url,
    get state() {
      return reports.at(-1);
    },
    /** A peer that dials in, once it is open. */
    async peer(options: PeerOptions = {}): Promise<Peer> {
      const peer = openPeer(url, options);
      await peer.opened;
      return peer;
    },
    reply(text: string, about: Partial<Reply> = {}): Reply {
      return {
        id: `r${++replies}`,
        channel: "onebot",
        account: SELF,
        conversation: { id: "777", type: "group" },
        segments: [{ type: "text", text }],
        text,
        createdAt: 0,
        ...about,
      };
    },
    send(reply: Reply, signal: AbortSignal = new AbortController().signal): Promise<SendResult> {
      return adapter.send(reply, { number: 1, maybeSent: false, signal });
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
export type Peer = ReturnType<typeof openPeer>;

export interface PeerOptions {
  token?: string | null;
  path?: string;
  self?: string | null;
  role?: string;
  headers?: Record<string, string>;
  autoPong?: boolean;
}

/** A peer without any cleverness. `opened` rejects with the status of a refusal. */
export function openPeer(base: string, options: PeerOptions = {}) {
  const { token = TOKEN, path = "/onebot/v11/ws", self = SELF, role = "Universal", autoPong = true } = options;
  const headers: Record<string, string> = { "x-client-role": role, ...options.headers };
  if (token !== null) headers.authorization = `Bearer ${token}`;
  if (self !== null) headers["x-self-id"] = self;
  const socket = new WebSocket(`${base}${path}`, { headers, perMessageDeflate: false, autoPong });
  const frames: Frame[] = [];
  const opened = new Promise<void>((resolve, reject) => {
    socket.on("unexpected-response", (_request, response) => {
      reject(response.statusCode);
      socket.terminate();
    });
    socket.on("error", reject);
    socket.on("open", resolve);
  });
  const closed = new Promise<number>((resolve) => socket.on("close", resolve));
  socket.on("message", (data) => frames.push(JSON.parse(String(data))));
  return {
    socket,
    frames,
    opened,
    closed,
    send: (frame: unknown) => socket.send(typeof frame === "string" || Buffer.isBuffer(frame) ? frame : JSON.stringify(frame)),
    /** The n-th call that the daemon made on this connection. */
    call: (n = 1): Promise<Frame> => until(`call ${n}`, () => frames[n - 1]),
    /** Resolves when the daemon answers a ping that is sent now. */
    pong(): Promise<void> {
      const answered = new Promise<void>((resolve) => socket.once("pong", () => resolve()));
      socket.ping();
      return answered;
    },
  };
}

export function privateEvent(id: number | string, text: unknown = "hi", more: Record<string, unknown> = {}) {
  return {
    time: 1_756_000_000,
    self_id: Number(SELF),
    post_type: "message",
    message_type: "private",
    sub_type: "friend",
    message_id: id,
    user_id: 123_456,
    message: text,
    raw_message: text,
    font: 0,
    sender: { user_id: 123_456, nickname: "Li", sex: "unknown", age: 0 },
    ...more,
  };
}

export function groupEvent(id: number | string, message: unknown, more: Record<string, unknown> = {}) {
  const sender = { user_id: 123_456, nickname: "Li", card: "", role: "member" };
  return { ...privateEvent(id, message), message_type: "group", sub_type: "normal", group_id: 777, anonymous: null, sender, ...more };
}

export function lifecycle(more: Record<string, unknown> = {}) {
  return {
    time: 1_756_000_000,
    self_id: Number(SELF),
    post_type: "meta_event",
    meta_event_type: "lifecycle",
    sub_type: "connect",
    ...more,
  };
}
