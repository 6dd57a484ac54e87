import { defineSimulator, type Offered, SentLog, type Simulator, type SimulatorOptions, sleep, systemClock } from "clawdbot";
import { qqConfig } from "./config.ts";
import { SimulatedApi } from "./simulator-api.ts";
import { SimulatedFiles } from "./simulator-files.ts";
import { SimulatedGateway } from "./simulator-gateway.ts";
import { SimulatedMessages } from "./simulator-messages.ts";
import { FORGERIES, type Forgery, SimulatedWebhook } from "./simulator-webhook.ts";

/** Webhooks are sent again this often; nothing is documented. */
const RETRIES = 3;
const RETRY_DELAY_MS = 1000;
/** The real one is some 40 s. What the daemon has is known from its heartbeats. */
const HEARTBEAT_MS = 50;
/** For a gateway connection to come, or to come again. */
const PATIENCE_MS = 30_000;
const LEAST_PATIENCE_MS = 2000;

export interface SimulatedEvent {
  t: string;
  d: Record<string, unknown>;
  /** The event's own id. */
  id?: string;
}

/** What tests can do beyond what all simulators offer. */
export interface QqSimulator extends Simulator {
  readonly gateway: SimulatedGateway;
  readonly webhook: SimulatedWebhook;
  readonly messages: SimulatedMessages;
  readonly files: SimulatedFiles;
  readonly api: SimulatedApi;
  /** Delivers an event as it is. conversation: where replies to it may go; they name the event's id. */
  emit(event: SimulatedEvent, conversation?: string): Promise<Offered>;
}

/** Plays QQ's open platform for one bot: its users and groups write, its API takes the replies. */
export function createQqSimulator(options: SimulatorOptions & { heartbeatMs?: number }): QqSimulator {
  const { clock = systemClock, retries = RETRIES, retryDelayMs = RETRY_DELAY_MS, heartbeatMs = HEARTBEAT_MS } = options;
  const patienceMs = options.retries === undefined ? PATIENCE_MS : Math.max(LEAST_PATIENCE_MS, retries * retryDelayMs);
  const config = qqConfig.parse(options.config);
  const log = new SentLog(clock);
  const files = new SimulatedFiles(clock);
  const messages = new SimulatedMessages({
    config,
    clock,
    files,
    rateLimits: options.rateLimits ?? false,
    onSent: (record) => log.add(record),
  });
  const listen = options.listen ?? { host: "127.0.0.1", port: 0 };
  const api = new SimulatedApi({ config, clock, listen, messages, files, gateway: () => gateway });
  const gateway = new SimulatedGateway({
    clock,
    heartbeatMs,
    isToken: (token) => api.isToken(token),
    count: (call) => api.count(call),
  });
  const webhook = new SimulatedWebhook(config, options.daemonUrl, clock);
  const run = clock.now().toString(36);
  let ids = 0;

  const timestamp = () => new Date(clock.now()).toISOString();

  async function post(body: string, offered: Offered): Promise<void> {
    for (let attempt = 0; attempt <= retries; attempt++) {
      if (attempt > 0) await sleep(clock, retryDelayMs);
      const answer = await webhook.deliver(body);
      offered.answers.push(answer.status);
      if (!SimulatedWebhook.taken(answer)) continue;
      offered.acked = true;
      return;
    }
  }

  async function deliver(event: Required<SimulatedEvent>, offered: Offered): Promise<void> {
    if (config.mode === "webhook") return await post(JSON.stringify({ op: 0, s: ++ids, ...event }), offered);
    const acked = await gateway.dispatch(event, patienceMs);
    offered.answers.push(acked ? "acknowledged" : "unanswered");
    offered.acked ||= acked;
  }

  function message(from: string, group: string | undefined, id: string, text: string): Required<SimulatedEvent> {
    const about = { id, content: group === undefined ? text : ` ${text}`, timestamp: timestamp(), message_type: 0 };
    const [t, d] =
      group === undefined
        ? ["C2C_MESSAGE_CREATE", { ...about, author: { id: from, user_openid: from } }]
        : [
            "GROUP_AT_MESSAGE_CREATE",
            { ...about, group_openid: group, group_id: group, author: { id: from, member_openid: from, member_role: "member" } },
          ];
    return { id: `${t}:simulated${run}${++ids}`, t: t as string, d: d as Record<string, unknown> };
  }

  return {
    gateway,
    messages,
    files,
    api,
    sent: log.records,
    calls: api.calls,
    webhook,
    get apiBase() {
      return api.base;
    },
    get daemonUrl() {
      return webhook.daemonUrl;
    },
    set daemonUrl(url) {
      webhook.daemonUrl = url;
    },
    start: () => api.start(),
    async stop() {
      gateway.terminate();
      webhook.close();
      await api.stop();
    },
    async say({ text, from, group, id = `ROBOT1.0_${run}.${++ids}!` }, { duplicate = 1, forge } = {}) {
      const event = message(from, group, id, text);
      const offered: Offered = { id, acked: false, answers: [] };
      if (forge !== undefined) {
        if (!isForgery(forge)) throw new TypeError(`no such forgery: ${forge}`);
        const answer = await webhook.forge(forge, JSON.stringify({ op: 0, s: ++ids, ...event }));
        return { id, acked: SimulatedWebhook.taken(answer), answers: [answer.status] };
      }
      messages.asked(id, group ?? from);
      await Promise.all(Array.from({ length: duplicate }, () => deliver(event, offered)));
      return offered;
    },
    async emit({ t, d, id = `${t}:simulated${run}${++ids}` }, conversation) {
      const offered: Offered = { id, acked: false, answers: [] };
      if (conversation !== undefined) messages.asked(typeof d.id === "string" && d.content !== undefined ? d.id : id, conversation);
      await deliver({ t, d, id }, offered);
      return offered;
    },
    waitForSent: (n, options) => log.waitFor(n, options),
    onSent: (listener) => log.listen(listener),
    fault: (fault) => api.fault(fault),
  };
}

function isForgery(kind: string): kind is Forgery {
  return (FORGERIES as readonly string[]).includes(kind);
}

export default defineSimulator({
  config: (apiBase) => ({
    mode: "websocket",
    app_id: "102000001",
    secret: "simulatedAppSecret",
    api_base: apiBase,
    token_base: apiBase,
  }),
  forgeries: FORGERIES,
  create: createQqSimulator,
});
