import { writeSync } from "node:fs";
import { registerHooks } from "node:module";
import { Socket } from "node:net";
import { pathToFileURL } from "node:url";
import { systemClock } from "../../clock.ts";
import type { Message } from "../../message.ts";
import type { Language, Logger, Skill, SkillContext, SkillReply } from "../../skill.ts";

/**
 * Runs one JavaScript or TypeScript skill for the daemon, in a process that has nothing of the daemon's: its arguments are the
 * skill's entry file. Speaks JSON-RPC 2.0 lines, in on fd 3, out on fd 4.
 */

const IN = 3;
const OUT = 4;
const LARGEST_FRAME = 4 * 2 ** 20;
const RETRY = new Int32Array(new SharedArrayBuffer(4));

interface Request {
  id: string;
  method: string;
  params: { message: Message; language: Language; deadlineMs: number };
}
type Answer = { id: string; result?: unknown; error?: { message: string } };

const api = new URL(import.meta.url.endsWith(".ts") ? "api.ts" : "api.js", import.meta.url).href;
registerHooks({
  resolve: (specifier, context, next) => (specifier === "clawdbot" ? { url: api, shortCircuit: true } : next(specifier, context)),
});

let lines: string[] = [];
let lastId = 0;
const asked = new Map<string, { resolve(value: unknown): void; reject(error: Error): void }>();

function send(message: object): void {
  const line = JSON.stringify({ jsonrpc: "2.0", ...message });
  if (line.length > LARGEST_FRAME)
    throw new RangeError(`${line.length} characters are more than the ${LARGEST_FRAME} that a reply may have`);
  if (lines.length === 0) setImmediate(flush);
  lines.push(line);
}

/** Everything of one turn in one write. */
function flush(): void {
  if (lines.length === 0) return;
  let rest = Buffer.from(`${lines.join("\n")}\n`);
  lines = [];
  while (rest.length > 0) {
    try {
      rest = rest.subarray(writeSync(OUT, rest));
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== "EAGAIN") throw error;
      Atomics.wait(RETRY, 0, 0, 1);
    }
  }
}

function ask(method: string, params: object): Promise<unknown> {
  const id = `s${++lastId}`;
  send({ id, method, params });
  return new Promise((resolve, reject) => asked.set(id, { resolve, reject }));
}

const kv: SkillContext["kv"] = {
  get: (key) => ask("kv.get", { key }) as ReturnType<SkillContext["kv"]["get"]>,
  set: (key, value, options) => ask("kv.set", { key, value, ...options }) as Promise<number | null>,
  delete: async (key) => void (await ask("kv.delete", { key })),
  list: (prefix, limit) => ask("kv.list", { prefix, limit }) as ReturnType<SkillContext["kv"]["list"]>,
};

const say = (level: keyof Logger) => (message: string, fields?: object) => send({ method: "log", params: { level, message, fields } });
const log: Logger = { debug: say("debug"), info: say("info"), warn: say("warn"), error: say("error") };

function refused(what: string): never {
  throw new Error(`${what}: not granted to a skill in a cage`);
}

async function handle(skill: Skill, { id, params }: Request): Promise<void> {
  const replies: SkillReply[] = [];
  const deadline = new AbortController();
  const timer = systemClock.setTimeout(() => deadline.abort(new Error("deadline")), params.deadlineMs);
  const context: SkillContext = {
    signal: deadline.signal,
    language: params.language,
    reply: (content) => void replies.push(content),
    preview: (text) => send({ method: "preview", params: { call: id, text } }),
    kv,
    log,
    skills: () => refused("context.skills"),
    status: () => refused("context.status"),
  };
  try {
    const late = new Promise<never>((_, reject) => deadline.signal.addEventListener("abort", () => reject(deadline.signal.reason)));
    const answer = await Promise.race([skill.handleMessage(params.message, context), late]);
    if (answer !== null && answer !== undefined) replies.push(answer);
    send({ id, result: answer === null && replies.length === 0 ? null : replies });
  } catch (error) {
    const traceback = error instanceof Error ? error.stack : undefined;
    send({ id, error: { code: -32000, message: lineOf(error), data: { traceback, late: deadline.signal.aborted } } });
  } finally {
    systemClock.clearTimeout(timer);
  }
}

function lineOf(error: unknown): string {
  return String(error).slice(0, 300);
}

function receive(skill: Skill, message: Request | Answer): void {
  if ("method" in message) {
    void handle(skill, message);
    return;
  }
  const waiting = asked.get(message.id);
  asked.delete(message.id);
  if (message.error) waiting?.reject(new Error(message.error.message));
  else waiting?.resolve(message.result);
}

async function serve(entry: string): Promise<void> {
  let skill: Skill;
  // Said before any of the skill's code has run, so that it can be believed.
  send({ method: "begin", params: { protocol: 1, runtime: `node ${process.versions.node.split(".")[0]}` } });
  flush();
  try {
    const loaded = (await import(pathToFileURL(entry).href)) as { default?: Skill };
    if (typeof loaded.default?.handleMessage !== "function")
      throw new TypeError("the default export is no skill: use defineSkill or BaseSkill");
    skill = loaded.default;
  } catch (error) {
    send({ method: "failed", params: { message: lineOf(error), traceback: error instanceof Error ? error.stack : undefined } });
    flush();
    process.exit(1);
  }
  const { name, version, description, aliases, usage, triggers, priority } = skill;
  const about = { name, version, description, aliases, usage, triggers, priority };
  send({ method: "hello", params: { about } });
  let pending = "";
  const input = new Socket({ fd: IN, readable: true, writable: false });
  input.setEncoding("utf8").on("data", (text: string) => {
    const parts = (pending + text).split("\n");
    pending = parts.pop()!;
    for (const line of parts) receive(skill, JSON.parse(line) as Request | Answer);
  });
  input.on("end", () => process.exit(0));
}

void serve(process.argv[2]!);
