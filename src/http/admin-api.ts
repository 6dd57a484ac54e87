import type { ChannelState } from "../adapters/host.ts";
import { ClawdbotError } from "../errors.ts";
import type { Gateway } from "../gateway.ts";
import type { Message, Reply, Segment } from "../message.ts";
import type { Settled } from "../pipeline/deliver.ts";
import type { LoadReport, SkillStatus } from "../skills/registry.ts";
import type { Counts, DeadLetter, Storage, Trace } from "../storage/storage.ts";

/** What an operator can ask of the daemon, or, for the part in StoreApi, of its store while the daemon is down. JSON in and out. */
export interface AdminApi extends StoreApi {
  status(): Promise<DaemonStatus>;
  channels(): Promise<ChannelState[]>;
  /** Where `clawdbot chat` logs in. */
  login(): Promise<{ url: string; token: string }>;
  /** Stores a reply and waits up to waitMs for it to be delivered. */
  send(request: SendRequest): Promise<SendAnswer>;
  skills(): Promise<SkillStatus[]>;
  skill(query: { name: string }): Promise<SkillStatus>;
  /** path: absolute, on the daemon's machine. */
  loadSkill(query: { path: string }): Promise<LoadReport>;
  /** restored: the built-in skill that is back. */
  unloadSkill(query: { name: string }): Promise<{ name: string; restored?: SkillStatus }>;
  enableSkill(query: { name: string }): Promise<{ skill: SkillStatus; changed: boolean }>;
  disableSkill(query: { name: string }): Promise<{ skill: SkillStatus; changed: boolean }>;
  /** Answers at once; the daemon then drains and ends. */
  stop(): Promise<{ pid: number }>;
}

export interface StoreApi {
  traces(query: { since?: number; conversation?: string; channel?: string; limit: number }): Promise<Trace[]>;
  /** By the message's id or platform id. */
  trace(query: { id: string }): Promise<Trace>;
  deadLetters(query: { reason?: string; channel?: string; limit: number; before?: string }): Promise<DeadLetter[]>;
  deadLetter(query: { id: string }): Promise<{ letter: DeadLetter; content: Message | Reply }>;
  replay(query: { id: string }): Promise<{ id: string }>;
  purge(query: { id?: string; reason?: string; before?: number }): Promise<{ purged: number }>;
}

export interface DaemonStatus extends Counts {
  version: string;
  pid: number;
  node: string;
  uptimeMs: number;
  url: string;
  metricsUrl: string | undefined;
  dataDir: string;
  logFile: string | undefined;
  channels: ChannelState[];
  /** Those that do not answer as they should: failed or quarantined. */
  troubledSkills: SkillStatus[];
  memory: { rss: number; heapUsed: number; external: number };
}

export interface SendRequest {
  channel: string;
  account?: string;
  conversation: { id: string; type: "direct" | "group" };
  segments: Segment[];
  waitMs: number;
}

export interface SendAnswer {
  ids: string[];
  /** How the last part left the outbox; absent when it has not within waitMs. */
  settled?: Settled;
  ms: number;
}

/** The operator's view of a running daemon. */
export function createAdminApi(
  gateway: Gateway,
  about: { dataDir: string; logFile: string | undefined; stop: () => void; monotonic: () => number },
): AdminApi {
  const { storage, pipeline } = gateway;
  return {
    ...createStoreApi(storage),
    async replay({ id }) {
      if (!(await pipeline.replay(id))) throw notFound("dead letter", id);
      return { id };
    },
    async status() {
      const { rss, heapUsed, external } = process.memoryUsage();
      const [status, counts] = await Promise.all([gateway.status(), storage.counts()]);
      return {
        ...counts,
        ...status,
        pid: process.pid,
        node: process.version,
        url: gateway.url,
        metricsUrl: gateway.metricsUrl,
        dataDir: about.dataDir,
        logFile: about.logFile,
        channels: gateway.channels(),
        troubledSkills: gateway.skills.list().filter(({ state }) => state === "failed" || state === "quarantined"),
        memory: { rss, heapUsed, external },
      };
    },
    channels: async () => gateway.channels(),
    async login() {
      const login = gateway.login();
      if (!login) throw new ClawdbotError("CLAWDBOT_ERR_NOT_FOUND", "no channel is on that local clients can log in to");
      return login;
    },
    async send({ channel, account, conversation, segments, waitMs }) {
      const started = about.monotonic();
      const first = gateway.channels().find((state) => state.channel === channel);
      if (!first) throw notFound("channel", channel);
      const login = gateway.login();
      const usual = login?.channel === channel ? login.account : first.account;
      const ids = await pipeline.send({ channel, account: account ?? usual, conversation, segments });
      const settled = waitMs > 0 ? await gateway.settled(ids.at(-1)!, waitMs) : undefined;
      const answer: SendAnswer = { ids, ms: about.monotonic() - started };
      if (settled) answer.settled = settled;
      return answer;
    },
    skills: async () => gateway.skills.list(),
    async skill({ name }) {
      const skill = gateway.skills.list().find((one) => one.name === name);
      if (!skill) throw notFound("skill", name);
      return skill;
    },
    loadSkill: ({ path }) => gateway.skills.load(path),
    async unloadSkill({ name }) {
      const restored = await gateway.skills.unload(name);
      return { name, ...(restored && { restored }) };
    },
    enableSkill: ({ name }) => gateway.skills.setEnabled(name, true),
    disableSkill: ({ name }) => gateway.skills.setEnabled(name, false),
    async stop() {
      about.stop();
      return { pid: process.pid };
    },
  };
}

/** What can be asked of a store, whoever has it open. */
export function createStoreApi(storage: Storage): StoreApi {
  return {
    traces: (query) => storage.traces(query),
    async trace({ id }) {
      const trace = await storage.trace(id);
      if (!trace) throw notFound("message", id);
      return trace;
    },
    deadLetters: (query) => storage.deadLetters(query),
    async deadLetter({ id }) {
      const letter = await storage.deadLetter(id);
      if (!letter) throw notFound("dead letter", id);
      return letter;
    },
    async replay({ id }) {
      if ((await storage.replay(id)) === null) throw notFound("dead letter", id);
      return { id };
    },
    purge: async (query) => ({ purged: await storage.purge(query) }),
  };
}

function notFound(what: string, name: string): ClawdbotError {
  return new ClawdbotError("CLAWDBOT_ERR_NOT_FOUND", `there is no ${what} ${name}`);
}
