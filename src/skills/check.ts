import { execFile } from "node:child_process";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";
import { systemClock } from "../clock.ts";
import { errorText } from "../errors.ts";
import type { Logger } from "../skill.ts";
import { cageName, nextUser } from "./cage.ts";
import { createCagedSkill } from "./caged-skill.ts";
import { mergeFacts, notGranted, readSource, type SkillSource } from "./facts.ts";
import { createRuntimes } from "./runtime.ts";
import { makeStage, removeStage } from "./stage.ts";

const run = promisify(execFile);

/** One thing that was looked at. */
export interface Finding {
  what: "files" | "runtime" | "skill" | "imports" | "permissions" | "cage";
  ok: boolean;
  detail: string;
}

export interface CheckReport {
  path: string;
  ok: boolean;
  findings: Finding[];
}

interface Described {
  runtime: string;
  error?: string;
  handles?: boolean;
  missing?: string[];
}

const TIME_MS = 15_000;
const silent: Logger = { debug() {}, info() {}, warn() {}, error() {} };

/** Whether a skill can be loaded on this machine. Python is read, not run; JavaScript and TypeScript are loaded in their cage. */
export async function checkSkill(path: string): Promise<CheckReport> {
  const findings: Finding[] = [];
  const add = (what: Finding["what"], ok: boolean, detail: string) => void findings.push({ what, ok, detail });
  try {
    const source = await readSource(path);
    add("files", true, source.kind);
    const asked = notGranted(source.manifest);
    add("permissions", asked.length === 0, asked.length === 0 ? "nothing beside its own keys" : `not granted: ${asked.join(", ")}`);
    await (source.kind === "python" ? checkPython : checkNode)(path, source, add);
  } catch (error) {
    add(findings.length === 0 ? "files" : "runtime", false, errorText(error));
  }
  return { path, ok: findings.every((one) => one.ok), findings };
}

type Add = (what: Finding["what"], ok: boolean, detail: string) => void;

async function checkPython(path: string, { entry, manifest }: SkillSource, add: Add): Promise<void> {
  const { cage, describe } = await createRuntimes()("python");
  const user = nextUser();
  const marks = await mkdtemp(join(tmpdir(), "clawdbot-check-"));
  const stage = await makeStage(path, "python", { user: cage.ownUser ? user : undefined, marks });
  try {
    const skill = entry === "" ? stage.skill : join(stage.skill, entry);
    const [file, ...args] = describe({ ...stage, skill }, user);
    const { stdout } = await run(file!, args, { env: {}, cwd: "/", timeout: TIME_MS });
    const about = JSON.parse(stdout) as Described;
    add("runtime", true, about.runtime);
    add("cage", cageName(cage) !== "none", cageName(cage));
    if (about.error) return add("skill", false, about.error);
    add("skill", about.handles === true, about.handles ? nameOf(manifest, about) : "no class based on BaseSkill with handle_message");
    const { missing = [] } = about;
    add("imports", missing.length === 0, missing.length === 0 ? "all found" : `missing: ${missing.join(", ")}`);
  } finally {
    await removeStage(stage, marks);
    await rm(marks, { recursive: true, force: true });
  }
}

async function checkNode(path: string, { entry, manifest }: SkillSource, add: Add): Promise<void> {
  const marks = await mkdtemp(join(tmpdir(), "clawdbot-check-"));
  const parts = {
    path,
    entry,
    kind: "node" as const,
    runtimes: createRuntimes(),
    marks,
    clock: systemClock,
    timeoutMs: TIME_MS,
    log: silent,
    refused() {},
  };
  const caged = createCagedSkill(parts);
  try {
    const { runtime, cage, about } = await caged.start();
    add("runtime", true, runtime);
    add("cage", cage !== "none", cage);
    add("skill", true, nameOf(manifest, about));
  } catch (error) {
    add("skill", false, errorText(error));
  } finally {
    await caged.stop();
    await rm(marks, { recursive: true, force: true });
  }
}

function nameOf(manifest: SkillSource["manifest"], about: unknown): string {
  const { name, version } = mergeFacts(manifest, about);
  return `${name} ${version}`;
}
