import {
  defineSimulator,
  type Offered,
  SentLog,
  type SimulatedMessage,
  type Simulator,
  type SimulatorOptions,
  sleep,
  systemClock,
  WebhookClient,
} from "clawdbot";
import { dingtalkConfig } from "./config.ts";
import { ROBOT_TOPIC } from "./frames.ts";
import { type Callback, createCallbacks, FORGERIES, type Forgery } from "./simulator-callbacks.ts";
import { createSimulatedGateway, type SimulatedGateway } from "./simulator-gateway.ts";
import { createSimulatedMessages } from "./simulator-messages.ts";
import { createSimulatedServer, type SimulatedServer } from "./simulator-server.ts";

const PATH = "/clawdbot/dingtalk/callback";
const RETRIES = 3;
const RETRY_DELAY_MS = 1000;
/** How long the last push of a message is waited for. */
const PATIENCE_MS = 2000;
/** A daemon that found nobody before this platform was started looks again within half a minute. */
const FIRST_CONNECTION_MS = 40_000;

export interface DingtalkSimulator extends Simulator {
  readonly gateway: SimulatedGateway;
  readonly server: SimulatedServer;
  endSessions(): void;
}

/**
 * Plays DingTalk for one app and its group robots: people write, by Stream or by callback as the settings say, and its APIs take the
 * replies. A user whose id begins with "$:" is from outside the organisation, "invalid" and "flowed" begin those who get nothing.
 */
export function createDingtalkSimulator(options: SimulatorOptions): DingtalkSimulator {
  const { clock = systemClock, retries = RETRIES, retryDelayMs = RETRY_DELAY_MS } = options;
  const config = dingtalkConfig.parse(options.config);
  const log = new SentLog(clock);
  const gateway = createSimulatedGateway(clock);
  const messages = createSimulatedMessages(config, clock, () => server.base);
  const server = createSimulatedServer({
    config,
    clock,
    listen: options.listen ?? { host: "127.0.0.1", port: 0 },
    rateLimits: options.rateLimits ?? false,
    gateway,
    messages,
    onSent: (record) => log.add(record),
  });
  const callbacks = createCallbacks(config.client_secret ?? "", clock);
  const client = new WebhookClient();
  let daemonUrl = options.daemonUrl;
  let count = 0;

  const bodyOf = (message: SimulatedMessage & { id: string }) => JSON.stringify(messages.body(message));

  /** One delivery: the status, or why there was none. */
  async function post({ headers, body }: Callback): Promise<number | string> {
    return (await client.post(daemonUrl + PATH, body, headers)).status;
  }

  /** Pushed again, in a new frame, until a frame of it is answered. */
  async function offerByStream(message: SimulatedMessage & { id: string }, offered: Offered): Promise<void> {
    const frame = { type: "CALLBACK", topic: ROBOT_TOPIC, data: bodyOf(message) };
    await gateway.firstConnection(FIRST_CONNECTION_MS);
    for (let attempt = 0; attempt <= retries && !offered.acked; attempt++) {
      const patienceMs = attempt === retries ? Math.max(retryDelayMs, PATIENCE_MS) : retryDelayMs;
      const pushed = await gateway.push(frame, patienceMs, (code) => {
        offered.acked ||= code === 200;
      });
      offered.answers.push(pushed);
      offered.acked ||= pushed === 200;
      if (typeof pushed === "number") return;
      if (pushed !== "no answer" && attempt < retries) await sleep(clock, retryDelayMs);
    }
  }

  async function offerByCallback(message: SimulatedMessage & { id: string }, offered: Offered): Promise<void> {
    for (let attempt = 0; attempt <= retries; attempt++) {
      if (attempt > 0) await sleep(clock, retryDelayMs);
      const answer = await post(callbacks.signed(bodyOf(message)));
      offered.answers.push(answer);
      offered.acked ||= answer === 200;
      if (answer === 200) return;
    }
  }

  return {
    gateway,
    server,
    endSessions: messages.endSessions,
    sent: log.records,
    calls: server.calls,
    get apiBase() {
      return server.base;
    },
    get daemonUrl() {
      return daemonUrl;
    },
    set daemonUrl(url) {
      daemonUrl = url;
    },
    start: server.start,
    async stop() {
      gateway.stop();
      client.stop();
      await server.stop();
    },
    async say({ id = `msg${clock.now().toString(36)}-${++count}==`, ...written }, { duplicate = 1, forge } = {}) {
      const message = { ...written, id };
      if (forge !== undefined) {
        if (!isForgery(forge)) throw new TypeError(`no such forgery: ${forge}`);
        const answer = await post(callbacks.forged(forge, bodyOf(message)));
        return { id, acked: answer === 200, answers: [answer] };
      }
      const offered: Offered = { id, acked: false, answers: [] };
      const offer = config.mode === "stream" ? offerByStream : offerByCallback;
      await Promise.all(Array.from({ length: duplicate }, () => offer(message, offered)));
      return offered;
    },
    waitForSent: (n, options) => log.waitFor(n, options),
    onSent: (listener) => log.listen(listener),
    fault: server.fault,
  };
}

function isForgery(kind: string): kind is Forgery {
  return (FORGERIES as readonly string[]).includes(kind);
}

export default defineSimulator({
  config: (apiBase) => ({
    mode: "stream",
    client_id: "dingsimulated0123",
    client_secret: "simulated-app-secret",
    api_base: apiBase,
    oapi_base: apiBase,
  }),
  forgeries: FORGERIES,
  create: createDingtalkSimulator,
});
