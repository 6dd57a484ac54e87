import { defineSimulator, type Offered, SentLog, type Simulator, type SimulatorOptions, sleep, systemClock, WebhookClient } from "clawdbot";
import { wecomConfig } from "./config.ts";
import { createSimulatedApi } from "./simulator-api.ts";
import { type Callback, createCallbacks, FORGERIES, type Forgery } from "./simulator-callbacks.ts";

const PATH = "/clawdbot/wechat/callback";
/** The platform hangs up after five seconds and delivers three times more. */
const RETRIES = 3;
const RETRY_DELAY_MS = 1000;
/** MsgIds are larger than what a double can hold. */
const FIRST_ID = 2n ** 62n;

/** Plays WeCom for one self-built app: its members write, its API takes the replies. */
function createWecomSimulator(options: SimulatorOptions): Simulator {
  const { clock = systemClock, retries = RETRIES, retryDelayMs = RETRY_DELAY_MS } = options;
  const config = wecomConfig.parse(options.config);
  const callbacks = createCallbacks(config, clock);
  const log = new SentLog(clock);
  const api = createSimulatedApi({
    config,
    clock,
    listen: options.listen ?? { host: "127.0.0.1", port: 0 },
    rateLimits: options.rateLimits ?? false,
    onSent: (record) => log.add(record),
  });
  const client = new WebhookClient();
  let daemonUrl = options.daemonUrl;
  // Ids keep ascending over restarts of the simulator.
  let lastId = FIRST_ID + BigInt(clock.now()) * 1000n;

  /** One delivery: the status, or why there was none. */
  async function deliver({ query, body }: Callback): Promise<number | string> {
    const headers = { "content-type": "text/xml", "user-agent": "Mozilla/4.0" };
    return (await client.post(`${daemonUrl}${PATH}?${query}`, body, headers)).status;
  }

  async function deliverUntilTaken(make: () => Callback, offered: Offered): Promise<void> {
    for (let attempt = 0; attempt <= retries; attempt++) {
      if (attempt > 0) await sleep(clock, retryDelayMs);
      const answer = await deliver(make());
      offered.answers.push(answer);
      if (answer === 200) {
        offered.acked = true;
        return;
      }
    }
  }

  return {
    sent: log.records,
    calls: api.calls,
    get apiBase() {
      return api.base;
    },
    get daemonUrl() {
      return daemonUrl;
    },
    set daemonUrl(url) {
      daemonUrl = url;
    },
    start: api.start,
    async stop() {
      client.stop();
      await api.stop();
    },
    async say({ text, from, group, id = String(++lastId) }, { duplicate = 1, forge } = {}) {
      if (group !== undefined) throw new TypeError("apps of WeCom get no group messages");
      const message = { text, from, id };
      const offered: Offered = { id, acked: false, answers: [] };
      if (forge !== undefined) {
        if (!isForgery(forge)) throw new TypeError(`no such forgery: ${forge}`);
        const answer = await deliver(callbacks.forged(forge, message));
        return { id, acked: answer === 200, answers: [answer] };
      }
      const deliveries = Array.from({ length: duplicate }, () => deliverUntilTaken(() => callbacks.message(message), offered));
      await Promise.all(deliveries);
      return offered;
    },
    waitForSent: (n, options) => log.waitFor(n, options),
    onSent: (listener) => log.listen(listener),
    fault: api.fault,
  };
}

function isForgery(kind: string): kind is Forgery {
  return (FORGERIES as readonly string[]).includes(kind);
}

export default defineSimulator({
  config: (apiBase) => ({
    corp_id: "ww1234567890abcdef",
    secret: "simulated-app-secret",
    agent_id: 1000002,
    token: "simulatedToken",
    encoding_aes_key: "jWmYm7qr5nMoAUwZRjGtBxmz3KA1tkAj3ykkR6q2B2C",
    api_base: apiBase,
  }),
  forgeries: FORGERIES,
  create: createWecomSimulator,
});
