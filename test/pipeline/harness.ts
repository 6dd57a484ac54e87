import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach } from "vitest";
import type { Adapter, Attempt, SendResult } from "../../src/adapter.ts";
import { createGuard } from "../../src/guard/create-guard.ts";
import { parsePermissions } from "../../src/guard/permissions.ts";
import type { Message, Reply } from "../../src/message.ts";
import { createMetrics } from "../../src/observe/create-metrics.ts";
import { createLog } from "../../src/observe/log.ts";
import { createRoute } from "../../src/pipeline/route.ts";
import { createPipeline, type Pipeline, type PipelineParts } from "../../src/pipeline.ts";
import { createEmbeddedQueue } from "../../src/queue/embedded.ts";
import { defineSkill, type Skill, type SkillContext } from "../../src/skill.ts";
import { patternEngine } from "../../src/skills/pattern.ts";
import { createSqliteStorage } from "../../src/storage/sqlite.ts";
import type { Storage, Trace } from "../../src/storage/storage.ts";
import { type FakeClock, fakeClock, seededRandom } from "../../src/testing/fake-clock.ts";
import { inboundText } from "../../src/testing/messages.ts";
import { until } from "../../src/testing/until.ts";

export interface Harness {
  pipeline: Pipeline;
  storage: Storage;
  clock: FakeClock;
  /** Every call of send, in order. */
  calls: { reply: Reply; attempt: Attempt }[];
  lines: string[];
  /** What the platform does with a call; default: takes it. */
  platform: { send(reply: Reply, attempt: Attempt): Promise<SendResult> | SendResult; split?: Adapter["split"] };
  metrics: ReturnType<typeof createMetrics>;
  /** Ends this pipeline as a crash would, without finishing anything, and starts another one on the same data. */
  restart(): Promise<void>;
  stop(): Promise<void>;
}

export interface HarnessOptions {
  skills?: Skill[];
  permissions?: string;
  admins?: string[];
  limits?: Partial<PipelineParts["limits"]>;
  route?: { default?: string };
  workers?: number;
  /** Wraps the store, to make it fail. */
  wrap?(storage: Storage): Storage;
}

export const echo = defineSkill({
  name: "echo",
  version: "1",
  description: "echo",
  triggers: [],
  handleMessage: (message) => message.text,
});

/** A pipeline on a real SQLite file and a clock that only moves when told; the platform is a function of the test. */
async function harness(options: HarnessOptions = {}): Promise<Harness> {
  const dir = await mkdtemp(join(tmpdir(), "clawdbot-pipeline-"));
  const clock = fakeClock();
  const random = seededRandom(7);
  const lines: string[] = [];
  const log = createLog({ level: "debug", stream: (line) => void lines.push(line), clock });
  const calls: Harness["calls"] = [];
  const platform: Harness["platform"] = { send: () => ({ platformId: "sent" }) };
  const adapter: Adapter = {
    start: async () => {},
    stop: async () => {},
    split: (segments) => platform.split?.(segments) ?? [segments],
    async send(reply, attempt) {
      calls.push({ reply, attempt });
      return await platform.send(reply, attempt);
    },
  };
  const skills = options.skills ?? [echo];
  const permissions = parsePermissions(options.permissions ?? "skills: {}", "permissions.yaml");
  let metrics: ReturnType<typeof createMetrics>;

  async function open(): Promise<{ storage: Storage; pipeline: Pipeline }> {
    const real = createSqliteStorage({ path: join(dir, "clawdbot.db"), clock });
    const storage = options.wrap?.(real) ?? real;
    await storage.start();
    const inbox = createEmbeddedQueue({ name: "messages", concurrency: options.workers ?? 8, clock, random, log: log.logger("queue") });
    const outbox = createEmbeddedQueue({ name: "replies", concurrency: 8, clock, random, log: log.logger("queue") });
    metrics = createMetrics({
      legacyNames: true,
      version: "test",
      gauges: { counts: () => storage.counts(), now: clock.now, inbox: inbox.stats, outbox: outbox.stats },
    });
    const pipeline = createPipeline({
      storage,
      inbox,
      outbox,
      guard: createGuard({ permissions, admins: options.admins ?? [], scope: "user", clock }),
      route: createRoute(skills, { ...options.route, pattern: patternEngine }),
      adapter: (channel) => (channel === "test" ? adapter : undefined),
      settled: () => {},
      language: () => "en",
      context: () => ({ language: "en", preview: () => {}, log: log.logger("skill"), skills: () => [] }) as unknown as SkillContext,
      clock,
      random,
      metrics,
      log: log.logger("pipeline"),
      limits: {
        max_queue_size: 100,
        max_outbox_size: 1000,
        max_attempts: 5,
        skill_timeout: 30_000,
        reply_ttl: 3_600_000,
        drain_timeout: 8000,
        ...options.limits,
      },
    });
    await pipeline.start();
    return { storage, pipeline };
  }

  let current = await open();
  return {
    get pipeline() {
      return current.pipeline;
    },
    get storage() {
      return current.storage;
    },
    get metrics() {
      return metrics;
    },
    clock,
    calls,
    lines,
    platform,
    async restart() {
      await current.pipeline.stop();
      await current.storage.stop();
      current = await open();
    },
    async stop() {
      await current.pipeline.stop();
      await current.storage.stop();
      await rm(dir, { recursive: true, force: true });
    },
  };
}

let open: Harness | undefined;

/** A harness for one test; it is stopped and its files are removed after the test. */
export async function setup(options?: HarnessOptions): Promise<Harness> {
  open = await harness(options);
  return open;
}

afterEach(async () => {
  await open?.stop();
  open = undefined;
});

export function say(on: Harness, text: string, over: Parameters<typeof inboundText>[1] = {}): Promise<"accepted" | "duplicate"> {
  return on.pipeline.receive("test", inboundText(text, over));
}

/** What was sent, in order. */
export function texts(on: Harness): string[] {
  return on.calls.map(({ reply }) => reply.text);
}

export async function traced(on: Harness, check: (trace: Trace) => boolean): Promise<Trace> {
  return await until("the trace", async () => (await on.storage.traces({ limit: 50 })).find(check));
}

export function room(id: string): Pick<Message, "conversation"> {
  return { conversation: { id, type: "direct" } };
}
