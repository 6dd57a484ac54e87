import type { IncomingMessage } from "node:http";
import type { Duplex } from "node:stream";
import { type Adapter, type AdapterContext, defineAdapter, errorText, RejectedError, UnreachableError } from "clawdbot";
import type { WebSocketServer } from "ws";
import { authenticate, BEARER_PROTOCOL, clientNames, isAllowedOrigin, type Login, loginsOf } from "./authenticate.ts";
import { Client } from "./clients.ts";
import { type WebSocketConfig, websocketConfig } from "./config.ts";
import { CLOSE, Connection } from "./connection.ts";
import { deltaFrame } from "./frames.ts";

const CLOSE_WITHIN_MS = 1000;

const REFUSALS = {
  401: ["Unauthorized", "WWW-Authenticate: Bearer"],
  403: ["Forbidden"],
  503: ["Service Unavailable", "Retry-After: 5"],
} as const;

/**
 * The daemon's own protocol over WebSocket: docs in this folder's README.md. Each token is a client, and each client an account.
 * A reply is first stored with its number and then shown, so that a client which comes back can ask for all that it missed.
 */
function createWebSocketAdapter(config: WebSocketConfig, context: AdapterContext): Adapter {
  const clients = new Map(clientNames(config).map((name) => [name, new Client(name, context)]));
  let logins: Login[] = [];
  let server: WebSocketServer | undefined;
  let running = false;

  context.upgrade(config.path, (request, socket, head) => void admit(request, socket, head));

  async function admit(request: IncomingMessage, socket: Duplex, head: Buffer): Promise<void> {
    const failed = (error: Error) => context.log.debug("connection failed before it was open", { error: errorText(error) });
    socket.on("error", failed);
    const refused = (status: keyof typeof REFUSALS) => refuse(socket, status, request.socket.remoteAddress);
    if (!running) return refused(503);
    const login = authenticate(request, logins);
    if (!login) return refused(401);
    if (!isAllowedOrigin(request, config.allowed_origins)) return refused(403);
    const client = clients.get(login.client)!;
    try {
      await client.load();
    } catch (error) {
      context.log.error("client not loaded", { client: client.name, error: errorText(error) });
      return refused(503);
    }
    if (!running || client.connections.size >= config.max_connections) return refused(503);
    socket.off("error", failed);
    server!.handleUpgrade(request, socket, head, (ws) => {
      new Connection({ socket: ws, stream: socket, login, client, config, context }).open();
    });
  }

  function refuse(socket: Duplex, status: keyof typeof REFUSALS, from: string | undefined): void {
    context.log.warn("connection refused", { status, from });
    socket.once("finish", () => socket.destroy());
    socket.end([`HTTP/1.1 ${status} ${REFUSALS[status].join("\r\n")}`, "Connection: close", "Content-Length: 0", "", ""].join("\r\n"));
  }

  return {
    async start() {
      if (running) return;
      const [{ WebSocketServer }, door] = await Promise.all([import("ws"), loginsOf(config, context)]);
      logins = door.logins;
      server ??= new WebSocketServer({
        noServer: true,
        clientTracking: false,
        perMessageDeflate: false,
        maxPayload: config.max_frame_bytes,
        handleProtocols: (offered) => [...offered].find((protocol) => protocol.startsWith(BEARER_PROTOCOL)) ?? false,
      });
      running = true;
      context.offerLogin({ path: config.path, ...door.offered });
    },
    async stop() {
      running = false;
      const all = [...clients.values()];
      const open = all.flatMap((client) => [...client.connections]);
      const patience = context.clock.setTimeout(() => {
        for (const connection of open) connection.terminate();
      }, CLOSE_WITHIN_MS);
      await Promise.all(open.map((connection) => connection.close(CLOSE.restart, "the daemon is stopping")));
      context.clock.clearTimeout(patience);
      await Promise.all(all.map((client) => client.save()));
    },
    /** Only gives the reply its number: once that is on disk, `delivered` shows it to the client. */
    async send(reply) {
      const client = clients.get(reply.account);
      if (!client) throw new RejectedError(`no token of the configuration names the client "${reply.account}"`);
      await client.load().catch((error: unknown) => {
        throw new UnreachableError("the client's numbers could not be read", error);
      });
      const sequence = client.number(reply);
      return { sequence, platformId: String(sequence) };
    },
    delivered(reply) {
      clients.get(reply.account)?.confirm(reply);
    },
    preview(message, textSoFar) {
      const connections = clients.get(message.account)?.connections;
      if (!connections?.size) return;
      const frame = deltaFrame(message, textSoFar);
      for (const connection of connections) connection.offer(frame);
    },
  };
}

export default defineAdapter({
  name: "websocket",
  configKey: "websocket",
  language: "en",
  enabledByDefault: true,
  accountsAreClients: true,
  config: websocketConfig,
  check(accounts, server) {
    const locked = [...accounts.values()].every((config) => config.token || config.tokens);
    if (server.loopback || locked) return undefined;
    return {
      en: "the daemon listens beyond this machine: give `token` or `tokens`, or turn the channel off",
      zh: "守护进程对本机以外开放：请设置 token 或 tokens，或关闭此渠道",
    };
  },
  create: createWebSocketAdapter,
});
