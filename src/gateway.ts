import { type AdapterHost, type ChannelState, createAdapterHost } from "./adapters/host.ts";
import { type Clock, type Random, systemClock, systemRandom, type Timer } from "./clock.ts";
import type { Settings } from "./config/settings.ts";
import { localToken, makeDataDir } from "./data-dir.ts";
import { createGuard } from "./guard/create-guard.ts";
import { loadPermissions, type Permissions } from "./guard/permissions.ts";
import { createMetricsServer } from "./http/metrics-server.ts";
import { createReadiness } from "./http/readiness.ts";
import { createHttpServer } from "./http/server.ts";
import { createIds } from "./ids.ts";
import { createNet } from "./net/net.ts";
import { createMetrics } from "./observe/create-metrics.ts";
import type { Log } from "./observe/log.ts";
import { warnOfProblem } from "./observe/warn-of-problem.ts";
import type { Settled } from "./pipeline/deliver.ts";
import { createPipeline, type Pipeline } from "./pipeline.ts";
import { createEmbeddedQueue } from "./queue/embedded.ts";
import type { Service } from "./service.ts";
import type { Skill, StatusReport } from "./skill.ts";
import { createSkillContext } from "./skills/context.ts";
import { loadSkills } from "./skills/loader.ts";
import { createSkillRegistry, type SkillRegistry } from "./skills/registry.ts";
import { createSqliteStorage } from "./storage/sqlite.ts";
import type { Storage } from "./storage/storage.ts";
import { version } from "./version.ts";

export interface GatewayOptions {
  settings: Settings;
  log: Log;
  clock?: Clock;
  random?: Random;
  /** Beside the built-in ones; one with a built-in's name replaces it. */
  skills?: Skill[];
}

/** The daemon: everything that runs, put together. */
export interface Gateway extends Service {
  readonly url: string;
  readonly pipeline: Pipeline;
  readonly storage: Storage;
  readonly skills: SkillRegistry;
  channels(): ChannelState[];
  status(): Promise<StatusReport>;
  /** Resolves when the reply has left the outbox; undefined when that takes longer than ms. */
  settled(replyId: string, ms: number): Promise<Settled | undefined>;
  /** Where and how `clawdbot chat` logs in; undefined when no channel offers it. */
  login(): { url: string; token: string; channel: string; account: string } | undefined;
  metricsUrl: string | undefined;
  /** Decides by permissions.yaml as it is now. Rejects when that holds a mistake: the old permissions then stay in force. */
  reload(): Promise<void>;
}

const PRUNE_MS = 3_600_000;
/** Soon after a start, so that a daemon which is often started again prunes as well. */
const FIRST_PRUNE_MS = 60_000;
const DAY_MS = 86_400_000;
/** Off until an operator enables them, and even then for nobody whom permissions.yaml does not name. */
const DANGEROUS = ["system.shell"];

/** Builds the daemon from its settings: the only place that picks implementations. Loads the skills; all other I/O waits for start(). */
export async function createGateway(options: GatewayOptions): Promise<Gateway> {
  const { settings, log, clock = systemClock, random = systemRandom } = options;
  const { performance, server: listen } = settings;
  const started = clock.monotonic();
  let phase: "starting" | "running" | "stopping" | "stopped" = "starting";
  let pruner: Timer | undefined;
  const waiting = new Map<string, (how: Settled) => void>();

  const permissions = await loadPermissions(settings.permissionsFile);
  const builtIn = replaceByName(await loadSkills(), options.skills ?? []);

  const storage = createSqliteStorage({
    path: settings.storage.path ?? `${settings.dataDir}/clawdbot.db`,
    clock,
    batch: performance.batch.enabled ? performance.batch : { size: 1, interval: 0 },
    log: log.logger("storage"),
  });
  const inbox = queue("messages", performance.worker_threads);
  const outbox = queue("replies", performance.max_deliveries);
  const metrics = createMetrics({
    legacyNames: settings.metrics.legacy_names,
    version,
    gauges: { counts: () => storage.counts(), now: clock.now, inbox: inbox.stats, outbox: outbox.stats },
  });
  const net = createNet({ ioTimeoutMs: performance.io_timeout, clock, random, log: log.logger("net") });
  const guard = createGuard({
    permissions,
    admins: settings.security.admins,
    scope: settings.security.rate_limit_scope,
    clock,
    dangerous: DANGEROUS,
    onDecision: (_skill, decision) =>
      metrics.gate("permission", decision.allowed ? "allow" : "deny", decision.allowed ? "" : decision.reason),
  });
  const readiness = createReadiness({ clock, phase: () => phase, channels: () => host.states(), probe: () => storage.probe() });
  const http = createHttpServer({
    host: listen.host,
    port: listen.port,
    maxBody: listen.max_body,
    maxConnectionsPerAddress: listen.max_connections_per_address,
    clock,
    log: log.logger("http"),
    metrics,
    ready: readiness,
    started: () => phase === "running",
  });
  const metricsServer = createMetricsServer({ ...settings.metrics, scrape: metrics.scrape, clock, log: log.logger("metrics") });
  const host: AdapterHost = createAdapterHost({
    publicUrl: listen.public_url?.replace(/\/+$/, ""),
    clock,
    random,
    metrics,
    logger: log.logger,
    storage,
    receive: (channel, message) => pipeline.receive(channel, message),
    route: http.route,
    upgrade: http.upgrade,
    client: net.client,
    fetch: net.fetch,
    localToken: () => localToken(settings.dataDir, random.bytes),
    hide: log.hide,
  });
  const skills = createSkillRegistry({
    builtIn,
    offByDefault: DANGEROUS,
    default: settings.router.default,
    dataDir: settings.dataDir,
    storage,
    clock,
    timeoutMs: performance.skill_timeout,
    log,
    newId: createIds(clock, random),
  });
  const context = createSkillContext({
    guard,
    skills: () => skills.current().skills,
    host,
    storage,
    clock,
    log,
    status,
    serverLanguage: settings.server.language,
  });
  const pipeline = createPipeline({
    storage,
    inbox,
    outbox,
    guard,
    route: (message) => skills.current().route(message),
    adapter: host.adapter,
    settled(reply, how) {
      if (how.state === "sent") host.sent(reply.channel, reply.account);
      waiting.get(reply.id)?.(how);
      waiting.delete(reply.id);
    },
    language: context.channelLanguage,
    context: context.forMessage,
    clock,
    random,
    metrics,
    log: log.logger("pipeline"),
    limits: performance,
  });
  for (const channel of settings.channels) {
    if (channel.enabled) for (const [account, config] of channel.accounts) host.add(channel.definition, account, config);
  }

  function queue(name: string, concurrency: number) {
    return createEmbeddedQueue({ name, concurrency, clock, random, log: log.logger("queue") });
  }

  async function status(): Promise<StatusReport> {
    const counts = await storage.counts();
    return { version, uptimeMs: clock.monotonic() - started, channels: host.states(), ...counts };
  }

  /** A name that is no skill's is likely misspelt. It may be loaded later, so it refuses nothing. */
  function warnOfUnknownSkills({ unknownSkills }: Permissions): void {
    const known = skills.list();
    const names = known.map(({ name }) => name);
    for (const problem of unknownSkills(names)) warnOfProblem(log.logger("guard"), problem);
    const fallback = settings.router.default.toLowerCase();
    if (fallback !== "none" && !known.some(({ name, aliases }) => name === fallback || aliases.includes(fallback)))
      log.logger("pipeline").warn("router.default names no skill that is loaded: what no skill takes is not answered", { skill: fallback });
  }

  function pruneLater(ms: number): void {
    pruner = clock.setTimeout(() => {
      const before = clock.now() - settings.storage.retention_days * DAY_MS;
      storage.prune(before).catch((error: unknown) => log.logger("storage").warn("prune failed", { error: String(error) }));
      pruneLater(PRUNE_MS);
    }, ms);
    pruner.unref();
  }

  /** Takes nothing new, lets what runs finish within performance.drain_timeout, and leaves the rest on disk for the next start. */
  async function stop(): Promise<void> {
    if (phase === "stopped") return;
    phase = "stopping";
    clock.clearTimeout(pruner);
    pipeline.close();
    const closing = http.stop();
    await pipeline.stop();
    await host.stop();
    await closing;
    await Promise.all([metricsServer.stop(), net.close(), skills.stop()]);
    await storage.stop();
    phase = "stopped";
  }

  return {
    pipeline,
    storage,
    skills,
    channels: host.states,
    status,
    settled(replyId, ms) {
      return new Promise((resolve) => {
        const timer = clock.setTimeout(() => {
          waiting.delete(replyId);
          resolve(undefined);
        }, ms);
        waiting.set(replyId, (how) => {
          clock.clearTimeout(timer);
          resolve(how);
        });
      });
    },
    get url() {
      return http.url;
    },
    get metricsUrl() {
      return metricsServer.url;
    },
    login() {
      const login = host.login();
      if (!login) return undefined;
      const { path, ...as } = login;
      return { url: http.url.replace(/^http/, "ws") + path, ...as };
    },
    async start() {
      if (phase === "running") return;
      phase = "starting";
      try {
        await makeDataDir(settings.dataDir);
        await storage.start();
        await skills.start();
        warnOfUnknownSkills(permissions);
        await pipeline.start();
        // First the door: a channel that waits for its platform must not keep another's callbacks out.
        await Promise.all([http.start(), metricsServer.start()]);
        await host.start();
      } catch (error) {
        await stop();
        throw error;
      }
      pruneLater(FIRST_PRUNE_MS);
      phase = "running";
    },
    stop,
    async reload() {
      const read = await loadPermissions(settings.permissionsFile);
      guard.replace(read);
      warnOfUnknownSkills(read);
    },
  };
}

function replaceByName(builtIn: Skill[], own: Skill[]): Skill[] {
  const names = new Set(own.map((skill) => skill.name));
  return [...builtIn.filter((skill) => !names.has(skill.name)), ...own];
}
