import { mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { stringify } from "yaml";
import { loadAdapters } from "../adapters/loader.ts";
import { type Clock, systemClock } from "../clock.ts";
import { loadConfig } from "../config/load-config.ts";
import { createGateway, type Gateway } from "../gateway.ts";
import { createLog } from "../observe/log.ts";
import type { Skill } from "../skill.ts";

export interface TestGatewayOptions {
  /** The configuration, as it would stand in config/gateway.yaml. Ports default to any free one. */
  config?: Record<string, unknown>;
  /** permissions.yaml */
  permissions?: string;
  skills?: Skill[];
  clock?: Clock;
}

export interface TestGateway {
  readonly gateway: Gateway;
  readonly url: string;
  readonly dir: string;
  /** Every line logged so far. */
  readonly lines: string[];
  /** Stops the daemon and starts a new one on the same data; the port may change. */
  restart(options?: Pick<TestGatewayOptions, "config" | "skills">): Promise<void>;
  /** Stops it and removes its files. */
  stop(): Promise<void>;
}

/** A whole daemon inside the test's process, on a temporary directory and loopback ports of its own; the same composition as the real one. */
export async function testGateway(options: TestGatewayOptions = {}): Promise<TestGateway> {
  const dir = await mkdtemp(join(tmpdir(), "clawdbot-test-"));
  const lines: string[] = [];
  const definitions = await loadAdapters();
  let gateway = await open(options);

  async function open({ config = {}, skills, clock }: TestGatewayOptions): Promise<Gateway> {
    const configDir = join(dir, "config");
    await rm(configDir, { recursive: true, force: true });
    await writeConfig(configDir, { server: { port: 0 }, metrics: { port: 0 }, ...config });
    if (options.permissions !== undefined) await writeFile(join(dir, "permissions.yaml"), options.permissions);
    const { settings } = await loadConfig({ dir: configDir, dataDir: join(dir, "data"), env: {}, definitions });
    const log = createLog({ level: "debug", stream: (line) => void lines.push(line), clock: clock ?? systemClock });
    const made = await createGateway({ settings, log, ...(skills && { skills }), ...(clock && { clock }) });
    await made.start();
    return made;
  }

  return {
    get gateway() {
      return gateway;
    },
    get url() {
      return gateway.url;
    },
    dir,
    lines,
    async restart(changed = {}) {
      await gateway.stop();
      gateway = await open({ ...options, ...changed });
    },
    async stop() {
      await gateway.stop();
      await rm(dir, { recursive: true, force: true });
    },
  };
}

async function writeConfig(dir: string, config: Record<string, unknown>): Promise<void> {
  await mkdir(dir, { recursive: true });
  await writeFile(join(dir, "gateway.yaml"), stringify(config));
}
