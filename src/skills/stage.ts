import { chmod, chown, cp, mkdir, mkdtemp, readdir, rm, stat, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { basename, dirname, join, relative } from "node:path";
import { fileURLToPath } from "node:url";
import { ClawdbotError } from "../errors.ts";
import type { SkillKind } from "./facts.ts";

/** A folder that a skill's process can read although it can read nothing else: the skill and what hosts it. */
export interface Stage {
  folder: string;
  /** The skill's file or folder inside it. */
  skill: string;
  /** What hosts it: the folder that holds the Python package, or the module to run. */
  host: string;
}

const PREFIX = "clawdbot-skill-";
const MOST_FILES = 5000;
const MOST_BYTES = 64 * 2 ** 20;
const LEFT_OUT = new Set([".git", "__pycache__", ".venv"]);

const extension = import.meta.url.endsWith(".ts") ? ".ts" : ".js";
const source = fileURLToPath(new URL("..", import.meta.url));
const python = fileURLToPath(new URL(extension === ".ts" ? "../../python/clawdbot" : "../../../python/clawdbot", import.meta.url));
const NODE_HOST = ["clock", "errors", "message", "skill", "skills/host/api", "skills/host/node-host"];

/** Copies a skill with its host to a folder of its own, readable by `user` alone where one is given. */
export async function makeStage(path: string, kind: SkillKind, options: { user: number | undefined; marks: string }): Promise<Stage> {
  const { user, marks } = options;
  const folder = await mkdtemp(join(tmpdir(), PREFIX));
  await mkdir(marks, { recursive: true });
  await writeFile(join(marks, basename(folder)), "");
  try {
    return await fill(folder, path, kind, user);
  } catch (error) {
    await removeStage({ folder }, marks);
    throw error;
  }
}

async function fill(folder: string, path: string, kind: SkillKind, user: number | undefined): Promise<Stage> {
  const skill = join(folder, "skill", basename(path));
  await copySkill(path, skill);
  const host = join(folder, "host");
  if (kind === "python") await cp(python, join(host, "clawdbot"), { recursive: true, filter: wanted });
  else {
    for (const name of NODE_HOST) await cp(join(source, name + extension), join(host, name + extension), { recursive: true });
    await writeFile(join(host, "package.json"), '{"type":"module"}');
  }
  if (user !== undefined) {
    // By its group it may read what it does not own and so cannot make writable.
    await chown(folder, 0, user);
    await chmod(folder, 0o750);
  }
  return { folder, skill, host: kind === "python" ? host : join(host, `skills/host/node-host${extension}`) };
}

/** Copies a skill's file or folder, readable by all. Refuses links, which may lead anywhere, and what is far too big for a skill. */
export async function copySkill(from: string, to: string): Promise<void> {
  let files = 0;
  let bytes = 0;
  await mkdir(dirname(to), { recursive: true });
  await copy(from, to);

  async function copy(path: string, target: string): Promise<void> {
    const about = await stat(path);
    if (about.isDirectory()) {
      await mkdir(target, { recursive: true, mode: 0o755 });
      for (const entry of await readdir(path, { withFileTypes: true })) {
        if (entry.isSymbolicLink()) throw refused(`${relative(dirname(from), join(path, entry.name))} is a symbolic link`);
        if (!LEFT_OUT.has(entry.name)) await copy(join(path, entry.name), join(target, entry.name));
      }
      return;
    }
    if (!about.isFile()) throw refused(`${relative(dirname(from), path)} is no file`);
    files++;
    bytes += about.size;
    if (files > MOST_FILES || bytes > MOST_BYTES) throw refused(`more than ${MOST_FILES} files or ${MOST_BYTES / 2 ** 20} MiB`);
    await cp(path, target);
    await chmod(target, 0o644);
  }
}

export async function removeStage({ folder }: Pick<Stage, "folder">, marks: string): Promise<void> {
  await rm(folder, { recursive: true, force: true });
  await rm(join(marks, basename(folder)), { force: true });
}

/** Removes what a daemon that was killed left behind. */
export async function sweepStages(marks: string): Promise<void> {
  const names = await readdir(marks).catch(() => []);
  for (const name of names) if (name.startsWith(PREFIX)) await removeStage({ folder: join(tmpdir(), name) }, marks);
}

function wanted(path: string): boolean {
  return !LEFT_OUT.has(basename(path));
}

function refused(why: string): ClawdbotError {
  return new ClawdbotError("CLAWDBOT_ERR_INVALID", `not a skill that can be loaded: ${why}`);
}
