import { defineSimulator, type Offered, SentLog, type Simulator, type SimulatorOptions, sleep, systemClock, type Timer } from "clawdbot";
import { WebSocket, WebSocketServer } from "ws";
import { doorTokens, onebotConfig } from "./config.ts";
import { FORGERIES, forge } from "./forge.ts";
import type { Fields } from "./frames.ts";
import { createActions } from "./simulator-actions.ts";
import { messageEvent } from "./simulator-events.ts";
import { SimulatedPeer } from "./simulator-peer.ts";

const TOKEN = "simulated-onebot-token";
const SELF = "10001";
const PATH = "/onebot/v11/ws";
/** What NapCat waits before it dials again is three seconds. */
const RETRY_MS = 500;
const RETRIES = 20;
const MIN_PATIENCE_MS = 3000;

/**
 * Plays a peer such as NapCat with one account: it dials the daemon, or, where the settings have `connect`, is dialled. A message is brought
 * again only when its connection broke before the daemon's pong; real peers do not even do that.
 */
export interface SimulatedOnebot extends Simulator {
  /** Brings any event. */
  happen(event: Fields): Promise<Offered>;
}

export function createOnebotSimulator(options: SimulatorOptions): SimulatedOnebot {
  const { clock = systemClock, retries = RETRIES, retryDelayMs = RETRY_MS } = options;
  const config = onebotConfig.parse(options.config);
  const [dialled] = config.connect;
  // What clients of the daemon log in with opens this door only where there is no token for it.
  const token = dialled?.token ?? doorTokens(config)[0] ?? options.token ?? TOKEN;
  const patienceMs = Math.max(MIN_PATIENCE_MS, (retries + 1) * retryDelayMs);
  const log = new SentLog(clock);
  const actions = createActions({ self: SELF, clock, onSent: (record) => log.add(record) });
  const arrivals = new Set<(peer: SimulatedPeer) => void>();
  const peers = new Set<SimulatedPeer>();
  let server: WebSocketServer | undefined;
  let dialling: WebSocket | undefined;
  let redial: Timer | undefined;
  let running = false;
  let away = false;
  let daemonUrl = options.daemonUrl;
  // Ids are 32-bit numbers, and ascend over restarts of the simulator.
  let lastId = Math.floor(clock.now() / 1000) % 1_000_000_000;

  const url = () => `${daemonUrl.replace(/^http/, "ws")}${PATH}`;

  function serve(socket: WebSocket): void {
    const peer = new SimulatedPeer({ socket, self: SELF, events: true, calls: true, clock, actions });
    peers.add(peer);
    socket.on("close", () => peers.delete(peer));
    peer.open();
    for (const arrived of arrivals) arrived(peer);
  }

  function dial(): void {
    clock.clearTimeout(redial);
    if (away) return;
    const headers = { authorization: `Bearer ${token}`, "x-self-id": SELF, "x-client-role": "Universal" };
    const socket = new WebSocket(url(), { headers, perMessageDeflate: false });
    dialling = socket;
    socket.on("open", () => serve(socket));
    socket.on("error", () => {});
    socket.on("close", () => {
      if (running && dialling === socket) redial = clock.setTimeout(dial, retryDelayMs);
    });
  }

  /** Serves those that dial it. NapCat takes the token after the upgrade, and says so in a frame. */
  function listen({ hostname, port }: URL): Promise<void> {
    const address = options.listen ?? { host: hostname.replace(/^\[|\]$/g, ""), port: Number(port) };
    const listening = new WebSocketServer({ ...address, perMessageDeflate: false });
    server = listening;
    listening.on("connection", (socket, request) => {
      if (away) return socket.terminate();
      const query = new URLSearchParams(request.url!.split("?")[1] ?? "");
      const presented = request.headers.authorization?.replace(/^Bearer /, "") ?? query.get("access_token");
      if (presented === token) return serve(socket);
      socket.on("error", () => {});
      socket.send(
        JSON.stringify({ status: "failed", retcode: 1403, data: null, message: "token验证失败", wording: "token验证失败", echo: null }),
      );
      socket.close();
    });
    return new Promise((resolve, reject) => {
      listening.on("listening", resolve);
      listening.on("error", reject);
    });
  }

  function connected(): Promise<SimulatedPeer | undefined> {
    const open = [...peers].find(({ isOpen }) => isOpen);
    if (open) return Promise.resolve(open);
    return new Promise((resolve) => {
      const end = (peer?: SimulatedPeer) => {
        arrivals.delete(end);
        clock.clearTimeout(patience);
        resolve(peer);
      };
      const patience = clock.setTimeout(() => end(), patienceMs);
      arrivals.add(end);
    });
  }

  async function bring(event: Fields, offered: Offered): Promise<void> {
    for (let attempt = 0; attempt <= retries; attempt++) {
      if (attempt > 0) await sleep(clock, retryDelayMs);
      const answer = (await (await connected())?.deliver(event, patienceMs)) ?? "not connected";
      offered.answers.push(answer);
      if (answer === "pong") offered.acked = true;
      if (answer !== "closed") return;
    }
  }

  return {
    sent: log.records,
    calls: actions.calls,
    get apiBase() {
      const address = server?.address();
      return typeof address === "object" && address ? `ws://${address.address}:${address.port}` : "";
    },
    get daemonUrl() {
      return daemonUrl;
    },
    set daemonUrl(value) {
      daemonUrl = value;
      if (!running || dialled) return;
      dialling?.terminate();
      dial();
    },
    async start() {
      if (running) return;
      running = true;
      if (dialled) await listen(new URL(dialled.url));
      else dial();
    },
    async stop() {
      running = false;
      clock.clearTimeout(redial);
      dialling?.terminate();
      for (const peer of peers) peer.terminate();
      await new Promise<void>((resolve) => (server ? server.close(() => resolve()) : resolve()));
      server = undefined;
    },
    async say({ text, from, group, id = String(++lastId) }, { duplicate = 1, forge: kind } = {}) {
      const event = messageEvent({ text, from, id, ...(group !== undefined && { group }) }, SELF, clock);
      if (kind !== undefined) {
        return await forge(kind, { url: url(), token, self: SELF, maxFrameBytes: config.max_frame_bytes, clock }, id, event);
      }
      const offered: Offered = { id, acked: false, answers: [] };
      await Promise.all(Array.from({ length: duplicate }, () => bring(event, offered)));
      return offered;
    },
    async happen(event) {
      const offered: Offered = { id: "", acked: false, answers: [] };
      await bring({ time: Math.floor(clock.now() / 1000), self_id: Number(SELF), ...event }, offered);
      return offered;
    },
    waitForSent: (n, options) => log.waitFor(n, options),
    onSent: (listener) => log.listen(listener),
    fault(fault) {
      const wasAway = away;
      away = fault?.kind === "refuse";
      actions.fault(fault);
      if (away) for (const peer of peers) peer.terminate();
      else if (wasAway && running && !dialled) dial();
    },
  };
}

export default defineSimulator({
  config: () => ({ token: TOKEN }),
  forgeries: FORGERIES,
  create: createOnebotSimulator,
});
