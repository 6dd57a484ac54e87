import type { z } from "zod";
import { closest } from "./closest.ts";
import { issueText, UNTOLD } from "./issue-text.ts";
import type { Problem, Where } from "./problem.ts";
import { childOf, fieldsOf } from "./shape.ts";

type Path = readonly string[];

/** Finds what was written where. */
export interface Locator {
  /** Where the key, or what is set there, stands; else where the nearest thing around it does. */
  where(path: Path, of: "key" | "value"): Where;
  /** A plain value to the letter. */
  text(path: Path): string | undefined;
  /** The path as the operator wrote it. */
  name(path: Path): string;
}

export interface CheckOptions {
  locator: Locator;
  /** Where the value stands in the whole. */
  path?: Path;
}

export interface Checked<Schema extends z.ZodType> {
  /** Undefined when there are problems. */
  data: z.output<Schema> | undefined;
  problems: Problem[];
}

/**
 * Checks a value against a schema and finds everything that is wrong with it: unknown keys too, also where the schema itself
 * would let them pass. A number where text is wanted becomes text as it was written, with all its digits.
 * With `lenient` (for what is switched off) only unknown keys and wrong types count, not what is missing, empty or ill-formed.
 */
export function check<Schema extends z.ZodType>(
  schema: Schema,
  value: unknown,
  options: CheckOptions & { lenient?: boolean },
): Checked<Schema> {
  const { locator, path = [], lenient = false } = options;
  const input = structuredClone(value);
  const problems = takeUnknownKeys(schema, input, options);
  const result = parse(schema, input, (inner) => locator.text([...path, ...inner]));
  if (result.success) return { data: problems.length > 0 ? undefined : result.data, problems };
  for (const issue of result.error.issues) {
    const inner = issue.path.map(String);
    const found = valueAt(input, inner);
    const wrongType = issue.code === "invalid_type" || issue.code === "invalid_value" || issue.code === "invalid_union";
    if (lenient && !(wrongType && found !== undefined)) continue;
    const full = [...path, ...inner];
    problems.push({
      at: locator.where(full, issue.code === "invalid_key" ? "key" : "value"),
      path: locator.name(full),
      ...issueText(issue, schema, found),
    });
  }
  return { data: undefined, problems };
}

/** Takes out of `value` every key that the schema does not know, and tells each. */
export function takeUnknownKeys(schema: z.ZodType, value: unknown, options: CheckOptions): Problem[] {
  if (typeof value !== "object" || value === null) return [];
  const { locator, path = [] } = options;
  const fields = fieldsOf(schema);
  return Object.entries(value).flatMap(([key, inner]) => {
    const child = childOf(schema, key);
    const full = [...path, key];
    if (child) return takeUnknownKeys(child, inner, { locator, path: full });
    if (!fields || Array.isArray(value)) return [];
    delete (value as Record<string, unknown>)[key];
    return [{ at: locator.where(full, "key"), path: locator.name(full), ...unknownKey(key, [...fields.keys()]) }];
  });
}

/** The text for a key that nobody knows, with the one that was probably meant or, failing that, all there are. */
function unknownKey(key: string, known: readonly string[]): Required<Pick<Problem, "message" | "hint">> {
  const near = closest(key, known);
  const all = known.join(", ");
  return {
    message: { en: "unknown key", zh: "未知的键" },
    hint: near ? { en: `Did you mean ${near}?`, zh: `是否想写 ${near}？` } : { en: `Known keys: ${all}`, zh: `可用的键：${all}` },
  };
}

function parse<Schema extends z.ZodType>(schema: Schema, input: unknown, text: (path: Path) => string | undefined) {
  const first = schema.safeParse(input, { error: () => UNTOLD });
  if (first.success) return first;
  let repaired = false;
  for (const issue of first.error.issues) {
    const path = issue.path.map(String);
    const found = valueAt(input, path);
    const written = text(path);
    if (!["number", "bigint", "object"].includes(typeof found) || written === undefined || !wantsText(issue)) continue;
    setAt(input, path, written);
    repaired = true;
  }
  return repaired ? schema.safeParse(input, { error: () => UNTOLD }) : first;
}

function wantsText(issue: z.core.$ZodIssue): boolean {
  if (issue.code === "invalid_type") return issue.expected === "string";
  return issue.code === "invalid_union" && issue.errors.flat().some((inner) => inner.path.length === 0 && wantsText(inner));
}

/** What stands at a path of own keys. */
export function valueAt(value: unknown, path: Path): unknown {
  let at = value;
  for (const key of path)
    at = typeof at === "object" && at !== null && Object.hasOwn(at, key) ? (at as Record<string, unknown>)[key] : undefined;
  return at;
}

function setAt(root: unknown, path: Path, value: unknown): void {
  const parent = valueAt(root, path.slice(0, -1));
  (parent as Record<string, unknown>)[path.at(-1)!] = value;
}
