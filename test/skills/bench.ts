import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { type Clock, systemClock } from "../../src/clock.ts";
import type { Message } from "../../src/message.ts";
import { createLog } from "../../src/observe/log.ts";
import type { KeyValue, SkillContext, SkillReply } from "../../src/skill.ts";
import { type CagedSkill, createCagedSkill } from "../../src/skills/caged-skill.ts";
import { readSource } from "../../src/skills/facts.ts";
import { createRuntimes } from "../../src/skills/runtime.ts";

export const ECHO = fileURLToPath(new URL("fixtures/echo.py", import.meta.url));

/** Looked for once in each test process. CLAWDBOT_TEST_TOOLS: a folder with a bwrap that is not installed. */
const runtimes = createRuntimes(process.env.CLAWDBOT_TEST_TOOLS ? [process.env.CLAWDBOT_TEST_TOOLS] : []);

export interface Bench {
  readonly dir: string;
  readonly lines: string[];
  readonly caged: CagedSkill;
  /** What the skill answers to a message, every reply of it in order; null when it is not the skill's. */
  ask(message?: Partial<Message>): Promise<SkillReply[] | null>;
  readonly previews: string[];
  stop(): Promise<void>;
}

export interface BenchOptions {
  timeoutMs?: number;
  kv?: KeyValue;
  clock?: Clock;
}

/** A skill in its cage without a daemon: file name and text, or the path of one. */
export async function bench(skill: { file: string; text: string } | { path: string }, options: BenchOptions = {}): Promise<Bench> {
  const dir = await mkdtemp(join(tmpdir(), "clawdbot-bench-"));
  const path = "path" in skill ? skill.path : join(dir, skill.file);
  if ("text" in skill) await writeFile(path, skill.text);
  const source = await readSource(path);
  const lines: string[] = [];
  const previews: string[] = [];
  const log = createLog({ level: "debug", stream: (line) => void lines.push(line), clock: systemClock });
  const caged = createCagedSkill({
    path,
    entry: source.entry,
    kind: source.kind,
    runtimes,
    marks: join(dir, "running"),
    clock: options.clock ?? systemClock,
    timeoutMs: options.timeoutMs ?? 5000,
    log: log.logger("skill"),
    refused: (method) => void lines.push(`refused ${method}`),
  });
  if (options.kv) caged.own(options.kv, log.logger("skill"));
  return {
    dir,
    lines,
    caged,
    previews,
    async ask(changed = {}) {
      const replies: SkillReply[] = [];
      const context: SkillContext = {
        signal: new AbortController().signal,
        language: "en",
        reply: (content) => void replies.push(content),
        preview: (text) => void previews.push(text),
        kv: options.kv!,
        log: log.logger("context"),
        skills: () => [],
        status: () => Promise.reject(new Error("not for a skill")),
      };
      const rest = await caged.handleMessage({ ...message(), ...changed }, context);
      if (rest === null) return null;
      return Array.isArray(rest) ? replies : [...replies, rest];
    },
    async stop() {
      await caged.stop();
      await rm(dir, { recursive: true, force: true });
    },
  };
}

function message(): Message {
  return {
    id: "m1",
    channel: "test",
    account: "default",
    platformId: "p1",
    conversation: { id: "c1", type: "direct" },
    sender: { id: "u1", name: "Ann" },
    contentType: "text",
    text: "hi",
    segments: [{ type: "text", text: "hi" }],
    mentionsBot: true,
    sentAt: 1_700_000_000_500,
    receivedAt: 1_700_000_001_000,
    raw: { secret: "of the platform" },
  };
}
