import type { z } from "zod";
import { closest } from "./closest.ts";
import type { Problem } from "./problem.ts";
import { schemaAt, typeOf } from "./shape.ts";

/** What zod is told to say where the schema's author said nothing, so that both can be told apart. */
export const UNTOLD = "\0";

const TYPES: Record<string, { en: string; zh: string }> = {
  int: { en: "must be a whole number", zh: "必须是整数" },
  number: { en: "must be a number", zh: "必须是数字" },
  boolean: { en: "must be true or false", zh: "必须是 true 或 false" },
  string: { en: "must be text", zh: "必须是文本" },
  array: { en: "must be a list", zh: "必须是列表" },
  object: { en: "must be a mapping (lines of key: value below it)", zh: "必须是映射（下面缩进的 key: value）" },
  record: { en: "must be a mapping (lines of key: value below it)", zh: "必须是映射（下面缩进的 key: value）" },
};

const NUMBERS = new Set<string>(["number", "int"]);
const UNQUOTE = { en: "Remove the quotes", zh: "请去掉引号" };

/** Says what is wrong with a value without showing it. */
export function issueText(issue: z.core.$ZodIssue, schema: z.ZodType, found: unknown): Pick<Problem, "message" | "hint"> {
  if (issue.message !== UNTOLD) return said(issue);
  if (found === undefined) return { message: { en: "is missing", zh: "没有填写" } };
  switch (issue.code) {
    case "invalid_type":
      if (typeof found === "bigint") return { message: { en: "is too large for a number", zh: "数字过大" } };
      if (NUMBERS.has(issue.expected) && typeof found === "string" && /^-?[\d.]+$/.test(found))
        return { message: TYPES.number!, hint: UNQUOTE };
      return { message: TYPES[issue.expected] ?? { en: "has the wrong type", zh: "类型不对" } };
    case "invalid_value":
      return oneOf(issue.values.map(String), found);
    case "too_small":
      return { message: atLeast(issue.origin, Number(issue.minimum)) };
    case "too_big":
      return { message: atMost(issue.origin, Number(issue.maximum)) };
    case "invalid_format":
      return { message: issue.format === "url" ? { en: "must be a URL", zh: "必须是 URL" } : { en: "has the wrong form", zh: "格式不对" } };
    case "invalid_union":
      if ("options" in issue && issue.options) return oneOf(issue.options.filter((option) => option !== undefined).map(String), found);
      return mustBe(schema, issue.path.map(String));
    case "invalid_key":
      return said(issue.issues[0] ?? issue);
    default:
      return mustBe(schema, issue.path.map(String));
  }
}

function said(issue: z.core.$ZodIssue): Pick<Problem, "message" | "hint"> {
  const { zh = issue.message, hint } = ("params" in issue && issue.params) || {};
  return { message: { en: issue.message, zh }, ...(hint && { hint }) };
}

function oneOf(values: string[], found: unknown): Pick<Problem, "message" | "hint"> {
  const near = typeof found === "string" ? closest(found, values) : undefined;
  const message = { en: `must be one of: ${values.join(", ")}`, zh: `只能是：${values.join("、")}` };
  return near ? { message, hint: { en: `Did you mean ${near}?`, zh: `是否想写 ${near}？` } } : { message };
}

function mustBe(schema: z.ZodType, path: readonly string[]): Pick<Problem, "message"> {
  const at = schemaAt(schema, path);
  const type = at ? typeOf(at) : { en: "something else", zh: "其他内容" };
  return { message: { en: `must be ${type.en}`, zh: `必须是${type.zh}` } };
}

function atLeast(origin: string, n: number): { en: string; zh: string } {
  if (origin === "string")
    return n === 1 ? { en: "is empty", zh: "不能为空" } : { en: `must have at least ${n} characters`, zh: `至少要有 ${n} 个字符` };
  if (origin === "array") return { en: `must have at least ${n} ${n === 1 ? "entry" : "entries"}`, zh: `至少要有 ${n} 项` };
  return { en: `must be at least ${n}`, zh: `不能小于 ${n}` };
}

function atMost(origin: string, n: number): { en: string; zh: string } {
  if (origin === "string") return { en: `must have at most ${n} characters`, zh: `最多 ${n} 个字符` };
  if (origin === "array") return { en: `must have at most ${n} ${n === 1 ? "entry" : "entries"}`, zh: `最多 ${n} 项` };
  return { en: `must be at most ${n}`, zh: `不能大于 ${n}` };
}
