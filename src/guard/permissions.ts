import { readFile } from "node:fs/promises";
import { basename } from "node:path";
import { z } from "zod";
import { check, type Locator } from "../config/check.ts";
import { closest } from "../config/closest.ts";
import { lostIndentation } from "../config/lost-indentation.ts";
import { createLineMask } from "../config/mask.ts";
import { ConfigError, type Problem } from "../config/problem.ts";
import { parseDuration } from "../config/units.ts";
import { parseYaml, type YamlFile } from "../config/yaml-file.ts";
import { IdSet } from "./id-set.ts";

/** Who may use one skill. Every line of it narrows; none widens what another one forbids. */
export interface Rule {
  denyUsers?: IdSet;
  allowUsers?: IdSet;
  allowGroups?: IdSet;
  adminOnly: boolean;
  rateLimit?: RateLimit;
  /** Where the rule stands, such as "permissions.yaml:2 echo". */
  at: string;
  /** Where each of its lines stands, such as "permissions.yaml:4 deny_users". */
  lines: Readonly<Record<RuleKey, string>>;
}

/** At most `limit` uses in any span of `windowMs`. */
export interface RateLimit {
  limit: number;
  windowMs: number;
}

/** What permissions.yaml says. A skill that it does not name is open to all. */
export interface Permissions {
  readonly rules: ReadonlyMap<string, Rule>;
  /** Rules for skills that are not loaded: likely misspelt, but they may be loaded later. */
  unknownSkills(loaded: readonly string[]): Problem[];
}

type RuleKey = (typeof RULE_KEYS)[number];

/** Beyond it the exact count would cost too much memory per user. */
const LARGEST_LIMIT = 10_000;
const LONGEST_WINDOW_MS = 31 * 86_400_000;

const RULE_KEYS = ["allow_groups", "allow_users", "deny_users", "admin_only", "rate_limit"] as const;
const ids = z.array(z.string().min(1)).optional();

const ruleSchema = z.object({
  allow_groups: ids,
  allow_users: ids,
  deny_users: ids,
  admin_only: z.boolean().optional(),
  rate_limit: z
    .string()
    .refine((text) => parseRateLimit(text) !== undefined, {
      error: `must be a count and a time span, such as 10/60s or 10/min; the count at most ${LARGEST_LIMIT}`,
      params: { zh: `必须是“次数/时间”，例如 10/60s 或 10/min；次数最多 ${LARGEST_LIMIT}` },
    })
    .optional(),
});

const skillName = z.string().refine((name) => /^[a-z0-9][a-z0-9._-]{0,63}$/.test(name), {
  error: 'is no skill name: use a-z, 0-9, "-", "_" and "."',
  params: { zh: "不是技能名：只用 a-z、0-9、-、_ 和 ." },
});
const permissionsSchema = z.object({ skills: z.record(skillName, ruleSchema).nullish() });

/** Reads permissions.yaml. Without that file everything is open. Rejects with ConfigError when it cannot be read or holds a mistake. */
export async function loadPermissions(path: string): Promise<Permissions> {
  let text: string;
  try {
    text = await readFile(path, "utf8");
  } catch (error) {
    const { code = "unknown" } = error as NodeJS.ErrnoException;
    if (code === "ENOENT") return parsePermissions("", path);
    throw new ConfigError([{ at: path, path: "", message: { en: `cannot be read (${code})`, zh: `无法读取（${code}）` } }]);
  }
  return parsePermissions(text, path);
}

/** Throws ConfigError with every mistake in the text; `file` is what messages call it. */
export function parsePermissions(text: string, file: string): Permissions {
  const yaml = parseYaml(file, text, { mask: createLineMask() });
  const flat = lostIndentation(yaml.topLevel, (key) => (key === "skills" ? RULE_KEYS : undefined));
  if (flat.length > 0 || yaml.problems.length > 0) throw new ConfigError(flat.length > 0 ? flat : yaml.problems);
  const { data, problems } = check(permissionsSchema, yaml.value ?? {}, { locator: locatorIn(yaml) });
  if (!data) throw new ConfigError(problems);
  const rules = new Map(Object.entries(data.skills ?? {}).map(([skill, rule]) => [skill, compile(skill, rule, yaml)]));
  return {
    rules,
    unknownSkills: (loaded) =>
      [...rules.keys()].filter((skill) => !loaded.includes(skill)).map((skill) => unknownSkill(skill, loaded, yaml)),
  };
}

/** "10/60s", "10/min", "600/h"; undefined for anything else. */
export function parseRateLimit(text: string): RateLimit | undefined {
  const [, count = "", span = ""] = /^\s*(\d{1,6})\s*\/\s*(\S.*)$/.exec(text) ?? [];
  const limit = Number(count);
  const windowMs = parseDuration(span) ?? parseDuration(`1${span}`);
  const fits = limit >= 1 && limit <= LARGEST_LIMIT && windowMs !== undefined && windowMs >= 1 && windowMs <= LONGEST_WINDOW_MS;
  return fits ? { limit, windowMs } : undefined;
}

function compile(skill: string, rule: z.output<typeof ruleSchema>, yaml: YamlFile): Rule {
  const lineOf = (name: string, ...path: string[]) => `${basename(yaml.file)}:${yaml.place(path, "key")?.line} ${name}`;
  return {
    ...(rule.deny_users && { denyUsers: new IdSet(rule.deny_users) }),
    ...(rule.allow_users && { allowUsers: new IdSet(rule.allow_users) }),
    ...(rule.allow_groups && { allowGroups: new IdSet(rule.allow_groups) }),
    ...(rule.rate_limit && { rateLimit: parseRateLimit(rule.rate_limit)! }),
    adminOnly: rule.admin_only ?? false,
    at: lineOf(skill, "skills", skill),
    lines: Object.fromEntries(RULE_KEYS.map((key) => [key, lineOf(key, "skills", skill, key)])) as Record<RuleKey, string>,
  };
}

function unknownSkill(skill: string, loaded: readonly string[], yaml: YamlFile): Problem {
  const near = closest(skill, loaded);
  return {
    at: yaml.place(["skills", skill], "key"),
    path: `skills.${skill}`,
    message: { en: "no skill of that name is loaded", zh: "没有加载这个名字的技能" },
    ...(near && { hint: { en: `Did you mean ${near}?`, zh: `是否想写 ${near}？` } }),
  };
}

function locatorIn(yaml: YamlFile): Locator {
  return {
    where(path, of) {
      const own = yaml.place(path, of);
      return own ?? (path.length > 0 ? this.where(path.slice(0, -1), "key") : yaml.file);
    },
    text: (path) => yaml.text(path),
    name: (path) => path.join("."),
  };
}
