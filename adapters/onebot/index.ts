import type { IncomingMessage } from "node:http";
import type { Duplex } from "node:stream";
import { type Adapter, type AdapterContext, defineAdapter, errorText, secret } from "clawdbot";
import type { WebSocketServer } from "ws";
import { doorTokens, type OnebotConfig, onebotConfig } from "./config.ts";
import { Forward } from "./forward.ts";
import { Peers } from "./peers.ts";
import { createSend } from "./send.ts";
import { split } from "./split.ts";
import { type Door, makeDoor, verify } from "./verify.ts";

/** Those that the examples of other applications use, hence what stands in everybody's peer. */
const PATHS = ["/onebot/v11/ws", "/onebot/v11/ws/", "/onebot/v11/", "/onebot/v11"];

const REFUSALS = {
  400: ["Bad Request"],
  401: ["Unauthorized", "WWW-Authenticate: Bearer"],
  403: ["Forbidden"],
  503: ["Service Unavailable", "Retry-After: 5"],
} as const;

/** OneBot 11: peers such as NapCat bring an account's messages, and take the replies. Each account that logs in is one here. */
function createOnebotAdapter(config: OnebotConfig, context: AdapterContext): Adapter {
  let door: Door | undefined;
  let server: WebSocketServer | undefined;
  let running = false;
  const peers = new Peers({ context, pingInterval: config.ping_interval, changed: tell });
  const forwards = config.connect.map(
    (peer) =>
      new Forward(peer, {
        context,
        maxFrameBytes: config.max_frame_bytes,
        serve: (socket) => peers.serve(socket),
        changed: tell,
      }),
  );

  for (const path of PATHS) context.upgrade(path, admit);

  function admit(request: IncomingMessage, socket: Duplex, head: Buffer): void {
    const failed = (error: Error) => context.log.debug("connection failed before it was open", { error: errorText(error) });
    socket.on("error", failed);
    const admission = running && door ? verify(request, door) : { status: 503 as const };
    if ("status" in admission) refuse(socket, admission.status, request);
    else if (!peers.hasRoom(admission.account)) refuse(socket, 503, request);
    else {
      socket.off("error", failed);
      server!.handleUpgrade(request, socket, head, (ws) => void peers.serve(ws, admission));
    }
  }

  function refuse(socket: Duplex, status: keyof typeof REFUSALS, request: IncomingMessage): void {
    context.log.warn("connection refused", { status, from: request.socket.remoteAddress });
    socket.once("finish", () => socket.destroy());
    socket.end([`HTTP/1.1 ${status} ${REFUSALS[status].join("\r\n")}`, "Connection: close", "Content-Length: 0", "", ""].join("\r\n"));
  }

  /** Peers that dial in may come at any time; those that are to be dialled are either there or not. */
  function tell(): void {
    if (!running) return;
    const missing = forwards.filter(({ problem }) => problem !== undefined);
    const here = peers.connected.map(({ id, isOnline }) => (isOnline ? id : `${id} (logged out)`));
    const detail = [...missing.map(({ name, problem }) => `${name}: ${problem}`), here.join(", ") || "no peer is connected"];
    context.report({ receiving: missing.length === 0, detail: detail.join("; ") });
  }

  return {
    split,
    send: createSend(peers),
    async start() {
      if (running) return;
      const tokens = doorTokens(config);
      const [{ WebSocketServer }, local] = await Promise.all([import("ws"), tokens.length === 0 ? context.localToken() : undefined]);
      door = makeDoor(local === undefined ? tokens : [local], local !== undefined);
      server ??= new WebSocketServer({
        noServer: true,
        clientTracking: false,
        perMessageDeflate: false,
        autoPong: false,
        maxPayload: config.max_frame_bytes,
      });
      running = true;
      tell();
      await Promise.all(forwards.map((forward) => forward.start()));
    },
    async stop() {
      running = false;
      for (const forward of forwards) forward.stop();
      await peers.stop();
    },
  };
}

export default defineAdapter({
  name: "onebot",
  configKey: "onebot",
  language: "zh",
  accountsAreClients: true,
  config: onebotConfig,
  borrows: {
    from: "websocket",
    settings({ token, tokens }, own) {
      if (own.token !== undefined || own.tokens !== undefined) return {};
      const all = Array.isArray(tokens) ? tokens.map((entry) => (entry as { token?: unknown } | null)?.token) : [token];
      // What is wrong with the others is told where they stand.
      const usable = all.filter((one) => secret().safeParse(one).success);
      return usable.length > 0 ? { tokens: usable } : {};
    },
  },
  check(accounts, server) {
    if (accounts.size > 1) {
      return { en: "accounts are not configured here: each peer names its own", zh: "账号不在此处配置：由各对端自行声明" };
    }
    const locked = [...accounts.values()].every((config) => doorTokens(config).length > 0 || config.connect.length > 0);
    if (server.loopback || locked) return undefined;
    return {
      en: "the daemon listens beyond this machine: give `token`, or turn the channel off",
      zh: "守护进程对本机以外开放：请设置 token，或关闭此渠道",
    };
  },
  create: createOnebotAdapter,
});
