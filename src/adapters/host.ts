import type {
  Adapter,
  AdapterContext,
  AdapterDefinition,
  HttpClient,
  HttpResponse,
  RequestOptions,
  RouteHandler,
  UpgradeHandler,
} from "../adapter.ts";
import type { Clock, Random, Timer } from "../clock.ts";
import { errorText } from "../errors.ts";
import type { InboundMessage } from "../message.ts";
import type { Metrics } from "../observe/metrics.ts";
import type { Service } from "../service.ts";
import type { Language, Logger } from "../skill.ts";
import { keyValue } from "../storage/key-value.ts";
import type { Storage } from "../storage/storage.ts";

export interface ChannelState {
  channel: string;
  account: string;
  receiving: boolean;
  detail: string;
  /** ms since the epoch; null = not since the start. */
  lastIn: number | null;
  lastOut: number | null;
}

export interface AdapterHostParts {
  publicUrl: string | undefined;
  clock: Clock;
  random: Random;
  metrics: Metrics;
  logger(component: string): Logger;
  storage: Storage;
  receive(channel: string, message: InboundMessage): Promise<"accepted" | "duplicate">;
  route(method: "GET" | "POST", path: string, handler: RouteHandler): void;
  upgrade(path: string, handler: UpgradeHandler): void;
  client(baseUrl: string): HttpClient;
  fetch(url: string, options?: RequestOptions): Promise<HttpResponse>;
  localToken(): Promise<string>;
  hide(secret: string): void;
}

/** How long start() waits for the channels. One that takes longer goes on by itself: a platform out of reach is no reason to wait for the others. */
const START_MS = 1000;

/** Runs the adapters of all configured accounts and knows how each does. One account's failure never touches another's. */
export interface AdapterHost extends Service {
  add(definition: AdapterDefinition, account: string, settings: unknown): void;
  adapter(channel: string, account: string): Adapter | undefined;
  language(channel: string): Language;
  states(): ChannelState[];
  /** Notes that a reply went out, for states(). */
  sent(channel: string, account: string): void;
  /** Where clients on this machine log in, when a channel offers that. */
  login(): { channel: string; account: string; path: string; token: string } | undefined;
}

interface Hosted {
  definition: AdapterDefinition;
  adapter: Adapter;
  state: ChannelState;
}

export function createAdapterHost(on: AdapterHostParts): AdapterHost {
  const hosted: Hosted[] = [];
  const byAccount = new Map<string, Hosted>();
  const byChannel = new Map<string, Hosted>();
  let offered: ReturnType<AdapterHost["login"]>;
  let stopped = false;

  function find(channel: string, account: string): Hosted | undefined {
    const first = byChannel.get(channel);
    return first?.definition.accountsAreClients ? first : byAccount.get(`${channel}:${account}`);
  }

  function report(state: ChannelState, receiving: boolean, detail: string): void {
    state.receiving = receiving;
    state.detail = detail;
    on.metrics.channelUp(state.channel, state.account, receiving);
  }

  function contextFor(state: ChannelState): AdapterContext {
    const { channel, account } = state;
    return {
      channel,
      account,
      publicUrl: on.publicUrl,
      clock: on.clock,
      random: on.random,
      log: on.logger(`channel.${channel}`),
      kv: keyValue(on.storage, `channel:${channel}:${account}`, on.clock),
      receive(message) {
        state.lastIn = on.clock.now();
        return on.receive(channel, message);
      },
      route: on.route,
      upgrade: on.upgrade,
      client: on.client,
      fetch: on.fetch,
      sent: (of, after, limit) => on.storage.sent(channel, of, after, limit),
      localToken: on.localToken,
      offerLogin(login) {
        offered = { channel, ...login };
      },
      report: ({ receiving, detail }) => report(state, receiving, detail),
      hide: on.hide,
    };
  }

  async function startOne(one: Hosted): Promise<void> {
    const { state } = one;
    try {
      await one.adapter.start();
      if (stopped) return await one.adapter.stop();
      if (state.detail === "starting") report(state, true, "");
    } catch (error) {
      report(state, false, errorText(error));
      on.metrics.error("start_failed", `channel.${state.channel}`);
      on.logger(`channel.${state.channel}`).error("channel did not start", { account: state.account, error: errorText(error) });
    }
  }

  async function stopOne({ adapter, state }: Hosted): Promise<void> {
    report(state, false, "stopped");
    try {
      await adapter.stop();
    } catch (error) {
      on.logger(`channel.${state.channel}`).error("channel did not stop cleanly", { account: state.account, error: errorText(error) });
    }
  }

  return {
    add(definition, account, settings) {
      const state: ChannelState = { channel: definition.name, account, receiving: false, detail: "starting", lastIn: null, lastOut: null };
      const one: Hosted = { definition, adapter: definition.create(settings, contextFor(state)), state };
      hosted.push(one);
      byAccount.set(`${definition.name}:${account}`, one);
      if (!byChannel.has(definition.name)) byChannel.set(definition.name, one);
    },
    adapter: (channel, account) => find(channel, account)?.adapter,
    language: (channel) => byChannel.get(channel)?.definition.language ?? "en",
    states: () => hosted.map((one) => ({ ...one.state })),
    sent(channel, account) {
      const one = find(channel, account);
      if (one) one.state.lastOut = on.clock.now();
    },
    login: () => offered,
    async start() {
      stopped = false;
      for (const { state } of hosted) report(state, false, "starting");
      let patience: Timer | undefined;
      const slow = new Promise<void>((resolve) => {
        patience = on.clock.setTimeout(resolve, START_MS);
      });
      await Promise.race([Promise.all(hosted.map(startOne)), slow]);
      on.clock.clearTimeout(patience);
    },
    async stop() {
      stopped = true;
      await Promise.all(hosted.map(stopOne));
    },
  };
}
