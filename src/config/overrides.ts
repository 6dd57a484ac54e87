import { readFileSync } from "node:fs";
import type { z } from "zod";
import { closest } from "./closest.ts";
import type { Problem } from "./problem.ts";
import { fieldsOf, schemaAt } from "./shape.ts";
import { parsePlain, type YamlOptions } from "./yaml-file.ts";

export type Variables = Readonly<Record<string, string | undefined>>;

/** A value that a variable or flag sets over those of the files. */
export interface Override {
  path: string[];
  value: unknown;
  /** As it was given. */
  text: string;
  /** The variable or flag. */
  setBy: string;
}

const PREFIX = "CLAWDBOT_";
const FILE = "_FILE";

/** `CLAWDBOT_SECTION__KEY=value`, and `CLAWDBOT_SECTION__KEY_FILE=path` for a value that lies in a file, as Docker's secrets do. */
export function environmentOverrides(env: Variables, root: z.ZodType): { overrides: Override[]; problems: Problem[]; warnings: Problem[] } {
  const overrides: Override[] = [];
  const problems: Problem[] = [];
  const warnings: Problem[] = [];
  for (const [name, given] of Object.entries(env).sort()) {
    if (given === undefined || !name.startsWith(PREFIX) || !name.includes("__")) continue;
    const named = [pathOf(name), name.endsWith(FILE) && pathOf(name.slice(0, -FILE.length))];
    const path = named.find((candidate) => candidate && schemaAt(root, candidate));
    if (!path) {
      warnings.push(unknownVariable(name, root));
      continue;
    }
    try {
      const text = path === named[0] ? given : readFileSync(given, "utf8").replace(/\r?\n$/, "");
      overrides.push({ path, value: parsePlain(text), text, setBy: name });
    } catch (error) {
      const { code } = error as NodeJS.ErrnoException;
      const message = { en: `its file cannot be read (${code})`, zh: `无法读取它指向的文件（${code}）` };
      problems.push({ at: name, path: path.join("."), message });
    }
  }
  return { overrides, problems, warnings };
}

/** `--set section.key=value`, and the options that are short for it. */
export function flagOverrides(flags: Readonly<Record<string, string>>): Override[] {
  return Object.entries(flags).map(([path, text]) => ({ path: path.split("."), value: parsePlain(text), text, setBy: `--set ${path}` }));
}

/** Replaces `${VAR}` and `${VAR:-default}` in values of the files; `$${` stands for `${`. */
export function expandVariables(env: Variables): NonNullable<YamlOptions["expand"]> {
  return (text) => {
    const missing: string[] = [];
    const expanded = text.replace(/\$(\$\{)|\$\{(\w+)(?::-([^}]*))?\}/g, (_, literal?: string, name = "", fallback?: string) => {
      if (literal) return literal;
      const value = env[name];
      if (fallback !== undefined) return value || fallback;
      if (value === undefined) missing.push(name);
      return value ?? "";
    });
    if (missing.length === 0) return { text: expanded };
    const names = missing.join(", ");
    const hint = {
      en: `Set it, or give a default: \${${missing[0]}:-value}`,
      zh: `请设置它，或写默认值：\${${missing[0]}:-value}`,
    };
    return { text: expanded, problem: { message: { en: `the variable ${names} is not set`, zh: `环境变量 ${names} 没有设置` }, hint } };
  };
}

function pathOf(name: string): string[] {
  return name.slice(PREFIX.length).toLowerCase().split("__");
}

function unknownVariable(name: string, root: z.ZodType): Problem {
  const near = closest(
    name,
    namesUnder(root, PREFIX).filter((known) => known.includes("__")),
  );
  return {
    at: name,
    path: "",
    message: { en: "sets no known key and was ignored", zh: "不对应任何配置项，已忽略" },
    ...(near && { hint: { en: `Did you mean ${near}?`, zh: `是否想写 ${near}？` } }),
  };
}

/** The names of all variables that set a key of the schema. */
function namesUnder(schema: z.ZodType, prefix: string): string[] {
  return [...(fieldsOf(schema) ?? [])].flatMap(([key, field]) => {
    const name = prefix + key.toUpperCase();
    return [name, ...namesUnder(field, `${name}__`)];
  });
}
