import { readdir, readFile, stat } from "node:fs/promises";
import { basename, join } from "node:path";
import { z } from "zod";
import { ClawdbotError } from "../errors.ts";
import { defineSkill, type Skill } from "../skill.ts";
import { patternEngine } from "./pattern.ts";

/** What is known of a skill without asking it. */
export type SkillFacts = Pick<Skill, "name" | "version" | "description" | "aliases" | "usage" | "triggers" | "priority">;
export type SkillKind = "node" | "python";

const MANIFEST = "skill.yaml";
const NODE_ENTRIES = ["index.ts", "index.js", "index.mts", "index.mjs", "skill.ts", "skill.js"];
const PYTHON_ENTRIES = ["skill.py", "main.py", "__init__.py"];
/** What a skill may ask for and this version gives to none. What every skill has (its own keys, its log) needs no asking. */
const NEVER_GRANTED = ["net", "fs", "send", "secrets", "model", "shell"];
const ALWAYS_GRANTED = ["kv", "log", "reply"];

/** One line: it is shown in tables and in chats. */
const text = z
  .string()
  .min(1)
  .max(500)
  .transform((given) => given.replace(/\p{Cc}+/gu, " ").trim());
const localised = z.union([text, z.object({ zh: text, en: text })]);
const word = z.string().regex(/^[^\s/]{1,64}$/);
const trigger = z.union([z.strictObject({ prefix: text }), z.strictObject({ keyword: text }), z.strictObject({ pattern: text })]);
const version = z.union([z.string().regex(/^[\w.+-]{1,40}$/), z.number()]).transform(String);

const facts = z.object({
  name: word,
  version: version.nullish(),
  description: z.union([localised, z.literal("")]).nullish(),
  aliases: z.array(word).max(20).nullish(),
  usage: localised.nullish(),
  triggers: z.array(trigger).max(100).nullish(),
  priority: z.number().nullish(),
});

const manifest = facts
  .omit({ name: true })
  .extend({ id: word, name: localised, capabilities: z.array(z.string()), entry: z.string() })
  .partial();
type Manifest = z.output<typeof manifest>;

/** Where a skill's code is and what its manifest says. Runs nothing. */
export interface SkillSource {
  kind: SkillKind;
  /** The file or folder inside `path` that its host is given; "" = the path itself. */
  entry: string;
  manifest: Manifest;
}

/** Looks at a file or folder; throws what keeps it from being a skill. */
export async function readSource(path: string): Promise<SkillSource> {
  const about = await stat(path).catch(() => undefined);
  if (!about) throw new ClawdbotError("CLAWDBOT_ERR_NOT_FOUND", `there is no file or folder ${path}`);
  if (!about.isDirectory()) return { kind: kindOf(path), entry: "", manifest: {} };
  const names = await readdir(path);
  const declared = names.includes(MANIFEST) ? await readManifest(join(path, MANIFEST)) : {};
  const entry = declared.entry ?? findEntry(names);
  if (entry === undefined || !names.includes(entry)) {
    throw invalid(`${basename(path)} holds neither ${NODE_ENTRIES[0]} nor ${PYTHON_ENTRIES[0]}${entry ? ` nor ${entry}` : ""}`);
  }
  return { kind: kindOf(entry), entry, manifest: declared };
}

/** The facts of a skill: what its manifest says, else what its code says. Nothing of it is trusted. */
export function mergeFacts(declared: Manifest, told: unknown): SkillFacts {
  const code = typeof told === "object" && told !== null ? told : {};
  const { id, name, capabilities: _, entry: __, ...rest } = declared;
  const description = declared.description ?? (code as { description?: unknown }).description ?? name;
  const parsed = facts.safeParse({ ...code, ...rest, description, ...(id !== undefined && { name: id }) });
  if (!parsed.success) {
    const [issue] = parsed.error.issues;
    throw invalid(`${issue?.path.join(".") || "the skill"}: ${issue?.message}`);
  }
  const { data } = parsed;
  for (const one of data.triggers ?? []) if ("pattern" in one) compile(one.pattern);
  const merged: SkillFacts = { name: data.name, version: data.version ?? "0", description: data.description ?? "" };
  if (data.aliases) merged.aliases = data.aliases;
  if (data.usage) merged.usage = data.usage;
  if (data.triggers) merged.triggers = data.triggers;
  if (data.priority !== null && data.priority !== undefined) merged.priority = data.priority;
  try {
    defineSkill({ ...merged, handleMessage: () => null });
  } catch (error) {
    throw invalid((error as Error).message);
  }
  return merged;
}

/** The capabilities that a manifest asks for and does not get. */
export function notGranted(declared: Manifest): string[] {
  return (declared.capabilities ?? []).filter((one) => !ALWAYS_GRANTED.includes(one));
}

/** Throws when the manifest asks for what it does not get: better than a skill that fails at its first message. */
export function refuseCapabilities(declared: Manifest): void {
  const [refused] = notGranted(declared);
  if (refused === undefined) return;
  const known = NEVER_GRANTED.includes(refused.split(":")[0]!);
  throw new ClawdbotError(
    "CLAWDBOT_ERR_NOT_GRANTED",
    `capability ${refused}: not granted; ${known ? "this version grants it to no loaded skill" : "there is no such capability"}`,
  );
}

async function readManifest(path: string): Promise<Manifest> {
  const { parse } = await import("yaml");
  let value: unknown;
  try {
    value = parse(await readFile(path, "utf8")) ?? {};
  } catch (error) {
    throw invalid(`${MANIFEST}: ${(error as Error).message.split("\n")[0]}`);
  }
  const parsed = manifest.safeParse(value);
  if (parsed.success) return parsed.data;
  const [issue] = parsed.error.issues;
  throw invalid(`${MANIFEST}: ${issue?.path.join(".")}: ${issue?.message}`);
}

function findEntry(names: readonly string[]): string | undefined {
  const known = [...NODE_ENTRIES, ...PYTHON_ENTRIES].find((name) => names.includes(name));
  if (known) return known;
  const candidates = names.filter((name) => /\.(py|[cm]?[jt]s)$/.test(name) && !name.endsWith(".d.ts"));
  return candidates.length === 1 ? candidates[0] : undefined;
}

function kindOf(path: string): SkillKind {
  if (path.endsWith(".py")) return "python";
  if (/\.[cm]?[jt]s$/.test(path)) return "node";
  throw invalid(`${basename(path)} is neither Python nor JavaScript or TypeScript`);
}

function compile(pattern: string): void {
  try {
    patternEngine(pattern);
  } catch (error) {
    throw invalid(`pattern ${pattern}: ${(error as Error).message}`);
  }
}

function invalid(why: string): ClawdbotError {
  return new ClawdbotError("CLAWDBOT_ERR_INVALID", `not a skill that can be loaded: ${why}`);
}
