import { rmSync } from "node:fs";
import { mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as pass } from "node:timers/promises";
import { stringify } from "yaml";
import { loadAdapters, loadSimulator } from "../../src/adapters/loader.ts";
import type { Failpoint } from "../../src/pipeline/failpoint.ts";
import type { Simulator } from "../../src/simulator.ts";
import { type Daemon, type DaemonOptions, type Exit, startDaemon } from "./daemon.ts";
import { createOracle, type Oracle } from "./oracle.ts";

export interface StageOptions {
  channels: readonly string[];
  /** Where config/ and data/ are made. Default: a temporary folder, removed by close(). */
  dir?: string;
  /** Further sections of the configuration, or other keys of the ones that are made here. */
  config?: Record<string, Record<string, unknown>>;
}

export interface StartOptions extends Pick<DaemonOptions, "under"> {
  /** Where it kills itself. */
  failpoint?: `${Failpoint}:${number}`;
  /** That it may be killed by what it runs under. */
  mayCrash?: boolean;
}

/**
 * A daemon between simulated platforms, and the oracle that sees both sides: everything that reaches a platform, and every start
 * and end of the daemon, is in its log. What users write is told by them.
 */
export interface Stage {
  readonly dir: string;
  readonly url: string;
  readonly oracle: Oracle;
  readonly platforms: ReadonlyMap<string, Simulator>;
  /** Starts the daemon and returns at once. A daemon that ends without being asked to makes `close` and the next `start` fail. */
  start(options?: StartOptions): Daemon;
  kill(): Promise<void>;
  /** Waits until the daemon is killed by itself at its failpoint, or by what it runs under. */
  crash(): Promise<void>;
  /** SIGTERM; resolves with how it ended. cutsOff: what is in flight will not end in time, as at a kill. */
  stop(how?: { cutsOff: boolean }): Promise<Exit>;
  /** Ends all of it and removes what it made. */
  close(): Promise<void>;
}

/** The platform sends again as often, and as fast, as a short outage needs. */
const RETRIES = 3;
const RETRY_MS = 50;

const temporary = new Set<string>();
process.on("exit", () => {
  for (const dir of temporary) rmSync(dir, { recursive: true, force: true });
});

export async function createStage(options: StageOptions): Promise<Stage> {
  const dir = options.dir ?? (await makeTemporary());
  const oracle = createOracle();
  const port = await sparePort();
  const url = `http://127.0.0.1:${port}`;
  const platforms = new Map<string, Simulator>();
  const config: Record<string, Record<string, unknown>> = {
    server: { port },
    metrics: { port: 0 },
    // Longer than any stall of a busy machine: a send that times out is sent again without a kill.
    performance: { io_timeout: 20_000 },
  };
  const definitions = await loadAdapters();
  for (const channel of options.channels) {
    const definition = definitions.find(({ name }) => name === channel);
    const simulator = await loadSimulator(channel);
    if (!definition || !simulator) throw new Error(`there is no channel "${channel}" with a simulator`);
    const listen = { host: "127.0.0.1", port: await sparePort() };
    const section = simulator.config(`http://127.0.0.1:${listen.port}`);
    const platform = simulator.create({ config: section, daemonUrl: url, listen, retries: RETRIES, retryDelayMs: RETRY_MS });
    platform.onSent(({ conversation, text, suppressed }) => oracle.sent({ channel, conversation, text, suppressed }));
    platforms.set(channel, platform);
    config[definition.configKey] = { enabled: true, ...section };
  }
  for (const [section, keys] of Object.entries(options.config ?? {})) config[section] = { ...config[section], ...keys };
  await mkdir(join(dir, "config"), { recursive: true });
  await writeFile(join(dir, "config", "gateway.yaml"), stringify(config));
  await Promise.all([...platforms.values()].map((platform) => platform.start()));

  let daemon: Daemon | undefined;
  /** The daemon whose end was asked for, or is to be expected. */
  let ending: Daemon | undefined;
  let problem: Error | undefined;

  async function end(how: (daemon: Daemon) => Promise<Exit>): Promise<Exit> {
    if (!daemon) throw new Error("no daemon was started");
    ending = daemon;
    const exit = await how(daemon);
    daemon = undefined;
    await hearTheRest([...platforms.values()]);
    return exit;
  }

  return {
    dir,
    url,
    oracle,
    platforms,
    start({ failpoint, mayCrash = failpoint !== undefined, under = [] } = {}) {
      if (problem) throw problem;
      if (daemon) throw new Error("a daemon is running");
      oracle.started();
      const started = startDaemon({ dir, under, ...(failpoint && { env: { CLAWDBOT_FAILPOINT: failpoint } }) });
      daemon = started;
      if (mayCrash) ending = started;
      const watch = ({ code, signal }: Exit) => {
        if (ending !== started) problem = new Error(`the daemon ended by itself (${signal ?? code}):\n${started.output()}`);
      };
      started.exited.then(watch, (error: Error) => {
        problem = error;
      });
      return started;
    },
    async kill() {
      oracle.killed();
      const { code } = await end((running) => running.kill());
      if (code !== null) throw new Error(`the daemon ended by itself (${code}) before it was killed`);
    },
    async crash() {
      const { signal, code } = await end((running) => running.exited);
      if (signal !== "SIGKILL") throw new Error(`the daemon ended with ${signal ?? code} and was not killed`);
      oracle.killed();
    },
    async stop({ cutsOff } = { cutsOff: false }) {
      const exit = await end((running) => {
        running.signal("SIGTERM");
        return running.exited;
      });
      if (cutsOff) oracle.killed();
      else oracle.stopped();
      return exit;
    },
    async close() {
      if (daemon) await end((running) => running.kill());
      await Promise.all([...platforms.values()].map((platform) => platform.stop()));
      if (temporary.delete(dir)) await rm(dir, { recursive: true, force: true });
      if (problem) throw problem;
    },
  };
}

/** What a daemon that has ended had sent is still in sockets of ours: reads on until nothing comes any more. */
async function hearTheRest(platforms: readonly Simulator[]): Promise<void> {
  const arrivals = () => platforms.reduce((sum, { sent }) => sum + sent.length, 0);
  let heard: number;
  do {
    heard = arrivals();
    for (let round = 0; round < 3; round++) await pass(5);
  } while (arrivals() > heard);
}

async function makeTemporary(): Promise<string> {
  const dir = await mkdtemp(join(tmpdir(), "clawdbot-chaos-"));
  temporary.add(dir);
  return dir;
}

/** The channels whose platform can be played here: all that are installed, once each has its simulator. */
export async function simulatedChannels(): Promise<string[]> {
  const names = (await loadAdapters()).map(({ name }) => name);
  const simulators = await Promise.all(names.map(loadSimulator));
  return names.filter((_, n) => simulators[n] !== undefined);
}

/**
 * A port of 127.0.0.1 that nobody has now, below those that the system gives to outgoing connections: while the daemon is down, one of
 * them could get its port, and a client that tries it could even connect to itself.
 */
async function sparePort(): Promise<number> {
  for (;;) {
    const port = 20_000 + Math.floor(Math.random() * 12_000);
    const server = createServer();
    const free = await new Promise<boolean>((resolve) => {
      server.once("error", () => resolve(false));
      server.listen(port, "127.0.0.1", () => resolve(true));
    });
    if (!free) continue;
    await new Promise((resolve) => server.close(resolve));
    return port;
  }
}
