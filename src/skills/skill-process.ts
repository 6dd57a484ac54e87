import { type ChildProcess, spawn } from "node:child_process";
import type { Duplex, Readable } from "node:stream";
import type { Clock } from "../clock.ts";
import { ClawdbotError } from "../errors.ts";
import type { LogFields, Logger } from "../skill.ts";

/** What a skill's host says once it can take messages. */
export interface Hello {
  runtime: string;
  /** Whether the kernel keeps it in by Landlock as well. */
  landlock: boolean;
  about: unknown;
}

export interface SkillProcessParts {
  /** Program and arguments. */
  command: string[];
  clock: Clock;
  log(): Logger;
  /** What the process asks of the daemon; rejects what is not granted. */
  request(method: string, params: Record<string, unknown>): Promise<unknown>;
  /** What it says without asking. */
  notice(method: string, params: Record<string, unknown>): void;
  /** It ended, whoever ended it. Told once. */
  ended(why: string): void;
}

/** One process of a skill: many calls at a time, written once per tick. */
export interface SkillProcess {
  readonly hello: Promise<Hello>;
  /** Resolves with its answer; rejects with what it threw, or retryable when the process ends first. */
  call(method: string, params: object): { id: string; answer: Promise<unknown> };
  /** Ends it at once with all that it started. */
  kill(why: string): void;
  /** Lets it end by itself. */
  close(): void;
}

const LARGEST_FRAME = 4 * 2 ** 20;
/** How long what it printed last may take to arrive. */
const LAST_WORDS_MS = 200;
const MOST_PRINTED = 100;
const LONGEST_PRINTED = 500;
/** Answers to the skill's own requests that it has not read: one that asks and never reads must not fill the daemon. */
const MOST_UNREAD = 32 * 2 ** 20;

interface Frame {
  id?: unknown;
  method?: unknown;
  params?: Record<string, unknown>;
  result?: unknown;
  error?: { message?: unknown; data?: { traceback?: unknown; late?: unknown } };
}

/** Starts it with an empty environment and no way to the daemon but JSON-RPC 2.0 lines on fd 3 (in) and fd 4 (out). */
export function startSkillProcess(on: SkillProcessParts): SkillProcess {
  const [file, ...args] = on.command;
  const child: ChildProcess = spawn(file!, args, {
    cwd: "/",
    env: { LANG: "C.UTF-8" },
    detached: true,
    stdio: ["ignore", "pipe", "pipe", "pipe", "pipe"],
  });
  const toSkill = child.stdio[3] as Duplex;
  const fromSkill = child.stdio[4] as Duplex;
  const waiting = new Map<string, { resolve(value: unknown): void; reject(error: Error): void }>();
  let greet: { resolve(hello: Hello): void; reject(error: Error): void };
  const hello = new Promise<Hello>((resolve, reject) => {
    greet = { resolve, reject };
  });
  hello.catch(() => {});
  let lastId = 0;
  let lines: string[] = [];
  /** The first frame, from before the skill's own code ran. */
  let begun: { runtime: string; landlock: boolean } | undefined;
  let failed: ClawdbotError | undefined;
  let over = false;

  toSkill.on("error", () => {});
  fromSkill.on("error", () => {});
  logPrinted(child.stdout!, "info", on.log);
  const lastWords = logPrinted(child.stderr!, "warn", on.log);
  readFrames(fromSkill, receive, (why) => kill(why));
  child.on("error", (error) => end(error.message));
  const obituary = (code: number | null, signal: string | null) => (signal ? `ended by ${signal}` : `ended with ${code}${lastWords()}`);
  child.on("close", (code, signal) => end(obituary(code, signal)));
  // What it started may hold its pipes open and outlive it.
  child.on("exit", (code, signal) => void on.clock.setTimeout(() => end(obituary(code, signal)), LAST_WORDS_MS).unref());

  function write(frame: object): void {
    if (lines.length === 0) setImmediate(flush);
    lines.push(JSON.stringify({ jsonrpc: "2.0", ...frame }));
  }

  function flush(): void {
    const text = `${lines.join("\n")}\n`;
    lines = [];
    if (over || toSkill.destroyed) return;
    toSkill.write(text);
    if (toSkill.writableLength > MOST_UNREAD) kill("does not read what it asked for");
  }

  function receive(text: string): void {
    if (over) return;
    let frame: Frame;
    try {
      frame = JSON.parse(text) as Frame;
      if (typeof frame !== "object" || frame === null) throw new TypeError("no object");
    } catch {
      kill("wrote something else than JSON-RPC to its channel");
      return;
    }
    const params = frame.params ?? {};
    if (typeof frame.method !== "string") answered(frame);
    else if (frame.method === "begin") begun ??= { runtime: String(params.runtime), landlock: params.landlock === true };
    else if (frame.method === "hello") greet.resolve({ runtime: "", landlock: false, ...begun, about: params.about });
    else if (frame.method === "failed") {
      on.log().error("skill cannot be loaded", { error: String(params.message), traceback: textOf(params.traceback) });
      failed = new ClawdbotError("CLAWDBOT_ERR_SKILL", String(params.message).slice(0, 300));
    } else if (frame.id === undefined) on.notice(frame.method, params);
    else {
      const { id } = frame;
      on.request(frame.method, params).then(
        (result) => write({ id, result: result ?? null }),
        (error: Error) => write({ id, error: { code: -32000, message: error.message } }),
      );
    }
  }

  function answered({ id, result, error }: Frame): void {
    const call = waiting.get(String(id));
    waiting.delete(String(id));
    if (!call) return;
    if (!error) call.resolve(result ?? null);
    else if (error.data?.late === true) {
      call.reject(new ClawdbotError("CLAWDBOT_ERR_SKILL_TIMEOUT", "the skill missed its deadline", { retryable: true }));
    } else {
      const message = String(error.message).slice(0, 300);
      on.log().error("skill threw", { error: message, traceback: textOf(error.data?.traceback) });
      call.reject(new ClawdbotError("CLAWDBOT_ERR_SKILL", message));
    }
  }

  function kill(why: string): void {
    if (over) return;
    try {
      process.kill(-child.pid!, "SIGKILL");
    } catch {
      child.kill("SIGKILL");
    }
    // Nobody is to wait for what is dying.
    end(why);
  }

  function end(why: string): void {
    if (over) return;
    over = true;
    const error = failed ?? new ClawdbotError("CLAWDBOT_ERR_SKILL", `the skill's process ${why}`, { retryable: true });
    greet.reject(error);
    for (const call of waiting.values()) call.reject(error);
    waiting.clear();
    for (const stream of [toSkill, fromSkill, child.stdout!, child.stderr!]) stream.destroy();
    on.ended(why);
  }

  return {
    hello,
    call(method, params) {
      const id = String(++lastId);
      const answer = new Promise<unknown>((resolve, reject) => waiting.set(id, { resolve, reject }));
      write({ id, method, params });
      return { id, answer };
    },
    kill,
    close: () => toSkill.end(),
  };
}

function textOf(value: unknown): string | undefined {
  return typeof value === "string" ? value.slice(0, 4000) : undefined;
}

/** Lines out of a stream; one longer than a frame may be ends the process before it fills the daemon's memory. */
function readFrames(from: Readable, line: (text: string) => void, tooLong: (why: string) => void): void {
  let parts: Buffer[] = [];
  let size = 0;
  from.on("data", (chunk: Buffer) => {
    let rest = chunk;
    for (let end = rest.indexOf(10); end >= 0; end = rest.indexOf(10)) {
      parts.push(rest.subarray(0, end));
      const text = parts.length === 1 ? parts[0]!.toString() : Buffer.concat(parts).toString();
      parts = [];
      size = 0;
      rest = rest.subarray(end + 1);
      line(text);
    }
    parts.push(rest);
    size += rest.length;
    if (size <= LARGEST_FRAME) return;
    parts = [];
    size = 0;
    from.removeAllListeners("data").resume();
    tooLong(`answered more than ${LARGEST_FRAME / 2 ** 20} MiB`);
  });
}

/** What the skill prints goes to its log, line by line, as far as anybody can read it. Returns the last line for an obituary. */
function logPrinted(from: Readable, level: "info" | "warn", log: () => Logger): () => string {
  let pending = "";
  let last = "";
  let budget = MOST_PRINTED;
  let second = 0;
  from.setEncoding("utf8").on("data", (text: string) => {
    const parts = (pending + text).split("\n");
    pending = parts.pop()!.slice(0, LONGEST_PRINTED);
    const now = Math.floor(process.uptime());
    if (now !== second) {
      second = now;
      budget = MOST_PRINTED;
    }
    for (const part of parts) {
      if (part.trim() === "") continue;
      last = part.slice(0, LONGEST_PRINTED);
      if (budget-- > 0) log()[level]("printed", { line: last } satisfies LogFields);
    }
  });
  from.on("error", () => {});
  return () => (last === "" ? "" : `: ${last.slice(0, 200)}`);
}
