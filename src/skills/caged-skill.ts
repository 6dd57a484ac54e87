import { type Clock, sleep, type Timer } from "../clock.ts";
import { ClawdbotError, errorText } from "../errors.ts";
import type { Message } from "../message.ts";
import type { KeyValue, LogFields, Logger, SkillContext, SkillReply } from "../skill.ts";
import { cageName, nextUser } from "./cage.ts";
import type { SkillKind } from "./facts.ts";
import { parseReplies } from "./reply.ts";
import type { Runtimes } from "./runtime.ts";
import { type Hello, type SkillProcess, startSkillProcess } from "./skill-process.ts";
import { makeStage, removeStage, type Stage } from "./stage.ts";

export interface CagedSkillParts {
  /** The skill's file or folder, and the file inside it that is run ("" = itself). */
  path: string;
  entry: string;
  kind: SkillKind;
  runtimes: Runtimes;
  /** Where it is noted which folders outside the data directory are in use. */
  marks: string;
  clock: Clock;
  /** What run() allows for one message, ms. */
  timeoutMs: number;
  log: Logger;
  /** It asked for what it is not granted. */
  refused(method: string): void;
}

export interface CagedSkill {
  /** Starts its process unless it runs, and resolves with what that says of itself. */
  start(): Promise<Started>;
  /** As Skill.handleMessage. Starts the process when need be. */
  handleMessage(message: Message, context: SkillContext): Promise<SkillReply | null>;
  state(): CageState;
  /** Its own keys, and its log once its name is known. Before that it has no keys. */
  own(kv: KeyValue, log: Logger): void;
  /** Takes it out of quarantine. */
  pardon(): void;
  /** Ends the process when the calls in flight are done; calls that still come go to the successor. */
  retire(successor?: CagedSkill): Promise<void>;
  /** Ends the process at once. */
  stop(): Promise<void>;
}

export interface Started extends Hello {
  cage: string;
}

export type CageState = { state: "idle" | "running" | "failed" | "quarantined"; detail: string };

const HARD_MS = 100;
const START_MS = 15_000;
const CRASHES = 5;
const CRASH_WINDOW_MS = 60_000;
/** One message that kills it five times must not silence it for all others for good. */
const QUARANTINE_MS = 5 * 60_000;
/** How long after the deadline the skill is told: run() has given up on it by then. */
const SOFT_MS = 30;
const RESTART_MS = 100;
const CLOSING_MS = 1000;
const MOST_REQUESTS = 1000;
const LONGEST_KEY = 512;
const LARGEST_VALUE = 2 ** 20;
const MOST_LOGGED = 100;

interface Call {
  deadline: number;
  context: SkillContext;
}

/**
 * One loaded skill: a process of its own in a cage, started when needed, killed with all it started when a call has not answered
 * 100 ms after its deadline. After five ends within a minute it is quarantined: for five minutes, or until it is pardoned, it answers
 * one polite line.
 */
export function createCagedSkill(on: CagedSkillParts): CagedSkill {
  const { clock } = on;
  const user = nextUser();
  const calls = new Map<string, Call>();
  let stage: Promise<Stage> | undefined;
  let process: SkillProcess | undefined;
  let starting: Promise<Started> | undefined;
  let crashes: number[] = [];
  let requests = 0;
  let detail = "";
  let { log } = on;
  let kv: KeyValue | undefined;
  let retired: { successor: CagedSkill | undefined } | undefined;
  let stopping = false;
  let logged = { second: 0, lines: 0 };
  let watchdog: Timer | undefined;
  /** Tells retire() that no call is left. */
  let drained: () => void = () => {};
  /** Tell each close() that the process has ended: retire() and stop() may both wait for it. */
  const endings = new Set<() => void>();

  const isQuarantined = () => crashes.length >= CRASHES && clock.monotonic() - crashes.at(-1)! < QUARANTINE_MS;

  function start(): Promise<Started> {
    if (starting) return starting;
    const mine = launch().catch((error: unknown) => {
      if (starting === mine) starting = undefined;
      detail = errorText(error);
      throw error;
    });
    starting = mine;
    return mine;
  }

  async function launch(): Promise<Started> {
    const now = clock.monotonic();
    const recent = crashes.filter((at) => now - at < CRASH_WINDOW_MS).length;
    if (recent > 0) await sleep(clock, RESTART_MS * 2 ** (recent - 1));
    const runtime = await on.runtimes(on.kind);
    stage ??= makeStage(on.path, on.kind, { user: runtime.cage.ownUser ? user : undefined, marks: on.marks });
    stage.catch(() => {
      stage = undefined;
    });
    const staged = await stage;
    if (stopping) throw new ClawdbotError("CLAWDBOT_ERR_STOPPING", "the daemon is stopping", { retryable: true });
    const skill = on.entry === "" ? staged.skill : `${staged.skill}/${on.entry}`;
    const command = runtime.serve({ ...staged, skill }, user);
    const started = startSkillProcess({ command, clock, log: () => log, request, notice, ended });
    process = started;
    const limit = clock.setTimeout(() => started.kill(`did not start within ${START_MS} ms`), START_MS);
    try {
      const hello = await started.hello;
      detail = "";
      const own = on.kind === "node" ? ["node permissions"] : hello.landlock ? ["landlock"] : [];
      return { ...hello, cage: cageName(runtime.cage, own) };
    } finally {
      clock.clearTimeout(limit);
    }
  }

  function ended(why: string): void {
    process = undefined;
    starting = undefined;
    calls.clear();
    drained();
    for (const tell of endings) tell();
    endings.clear();
    if (retired) return;
    const now = clock.monotonic();
    crashes = [...crashes.filter((at) => now - at < CRASH_WINDOW_MS), now];
    detail = why;
    log.warn("skill process ended", { why, crashes: crashes.length });
    if (isQuarantined()) log.error("skill quarantined", { crashes: crashes.length, within_ms: CRASH_WINDOW_MS, code: "quarantined" });
  }

  /** One timer for all calls: they have the same time, so the oldest is the first to be late. */
  function watch(): void {
    if (watchdog) return;
    const oldest = calls.values().next().value;
    if (!oldest) return;
    watchdog = clock.setTimeout(
      () => {
        // An answer that has arrived and was not read yet counts.
        setImmediate(bite);
      },
      Math.max(0, oldest.deadline + HARD_MS - clock.monotonic()),
    );
  }

  function bite(): void {
    watchdog = undefined;
    const first = calls.values().next().value;
    if (first && clock.monotonic() >= first.deadline + HARD_MS) process?.kill(`killed: no answer ${HARD_MS} ms after the deadline`);
    else watch();
  }

  async function handleMessage(message: Message, context: SkillContext): Promise<SkillReply | null> {
    if (retired) return (await retired.successor?.handleMessage(message, context)) ?? null;
    const deadline = clock.monotonic() + on.timeoutMs;
    if (isQuarantined()) return quarantineText(context);
    await start();
    if (!process) throw new ClawdbotError("CLAWDBOT_ERR_SKILL", `the skill's process ${detail}`, { retryable: true });
    if (clock.monotonic() >= deadline) {
      throw new ClawdbotError("CLAWDBOT_ERR_SKILL_TIMEOUT", "the skill's process did not start in time", { retryable: true });
    }
    const deadlineMs = Math.max(1, Math.round(deadline + SOFT_MS - clock.monotonic()));
    // The platform's own object may hold what answers in the bot's name: it stays here.
    const params = { message: { ...message, raw: null }, language: context.language, deadlineMs };
    const { id, answer } = process.call("skill.handle", params);
    calls.set(id, { deadline, context });
    watch();
    try {
      const replies = parseReplies(await answer);
      if (replies === null) return null;
      for (const reply of replies) context.reply(reply);
      return [];
    } finally {
      calls.delete(id);
      if (calls.size === 0) {
        clock.clearTimeout(watchdog);
        watchdog = undefined;
        drained();
      }
    }
  }

  /** Lets the process end by itself for that long. */
  async function close(patienceMs: number): Promise<void> {
    const closing = process;
    if (closing) {
      const gone = new Promise<void>((resolve) => void endings.add(resolve));
      closing.close();
      const limit = clock.setTimeout(() => closing.kill("killed: did not end when told"), patienceMs);
      await gone;
      clock.clearTimeout(limit);
    }
    const left = await stage?.catch(() => undefined);
    if (left) await removeStage(left, on.marks);
  }

  /** At most so many lines a second: a skill that logs in a loop must not wash the others' lines out of the log. */
  function hasWords(): boolean {
    const now = Math.floor(clock.monotonic() / 1000);
    if (now !== logged.second) logged = { second: now, lines: 0 };
    return ++logged.lines <= MOST_LOGGED;
  }

  async function request(method: string, params: Record<string, unknown>): Promise<unknown> {
    if (!kv) throw new Error(`${method.slice(0, 60)}: not before the skill has started`);
    if (requests >= MOST_REQUESTS) throw new Error(`more than ${MOST_REQUESTS} requests at a time`);
    requests++;
    try {
      const { key, value, ttlMs, ifVersion, prefix, limit } = params;
      if (key !== undefined && String(key).length > LONGEST_KEY) throw new Error(`a key has at most ${LONGEST_KEY} characters`);
      switch (method) {
        case "kv.get":
          return await kv.get(String(key));
        case "kv.set":
          if (JSON.stringify(value ?? null).length > LARGEST_VALUE) throw new Error(`a value has at most ${LARGEST_VALUE} characters`);
          return await kv.set(String(key), value, {
            ...(typeof ttlMs === "number" && { ttlMs }),
            ...(typeof ifVersion === "number" && { ifVersion }),
          });
        case "kv.delete":
          return await kv.delete(String(key));
        case "kv.list":
          return await kv.list(typeof prefix === "string" ? prefix : "", Math.min(1000, Math.max(1, Math.floor(Number(limit)) || 100)));
        default:
          if (hasWords()) on.refused(method.slice(0, 60));
          throw new Error(`${method.slice(0, 60)}: not granted`);
      }
    } finally {
      requests--;
    }
  }

  function notice(method: string, params: Record<string, unknown>): void {
    if (method === "preview") calls.get(String(params.call))?.context.preview(String(params.text));
    else if (method === "log" && hasWords()) logOf(log, params);
  }

  return {
    start,
    handleMessage,
    own(keys, logger) {
      kv = keys;
      log = logger;
    },
    state() {
      if (isQuarantined()) return { state: "quarantined", detail };
      if (process && starting) return { state: "running", detail: "" };
      return { state: detail === "" ? "idle" : "failed", detail };
    },
    pardon() {
      crashes = [];
      detail = "";
    },
    async retire(successor) {
      if (retired) return;
      retired = { successor };
      await starting?.catch(() => {});
      if (calls.size > 0) await new Promise<void>((resolve) => (drained = resolve));
      await close(CLOSING_MS);
    },
    async stop() {
      stopping = true;
      retired ??= { successor: undefined };
      process?.kill("killed: the daemon stops");
      await starting?.catch(() => {});
      await close(0);
    },
  };
}

function quarantineText({ language }: SkillContext): string {
  return language === "zh"
    ? "这个技能连续出错，已暂停使用，请联系管理员。"
    : "This skill failed again and again and is suspended. Please tell an administrator.";
}

function logOf(log: Logger, { level, message, fields }: Record<string, unknown>): void {
  const known = level === "debug" || level === "info" || level === "warn" || level === "error" ? level : "info";
  const kept: LogFields = {};
  if (typeof fields === "object" && fields !== null) {
    for (const [key, value] of Object.entries(fields).slice(0, 20)) {
      if (!/^\w{1,40}$/.test(key)) continue;
      kept[key] = typeof value === "number" || typeof value === "boolean" ? value : String(value).slice(0, 500);
    }
  }
  log[known](String(message).slice(0, 500), kept);
}
