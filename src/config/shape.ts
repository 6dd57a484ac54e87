import { z } from "zod";

/** What a schema says about itself, found through optional, default, transform and the like. Knows nothing of values. */

type Definition = z.core.$ZodTypes["_zod"]["def"];
type Fields = ReadonlyMap<string, z.ZodType>;

/** Keys that hold secrets, also where no schema says so. */
const SECRET_NAME = /(?:secret|tokens?|keys?|password)$/i;

/** The keys of a mapping; of a union, those of all its members. Undefined for anything that has no keys of its own. */
export function fieldsOf(schema: z.ZodType): Fields | undefined {
  const def = definition(unwrap(schema));
  if (def.type === "object") return new Map(Object.entries(def.shape as Record<string, z.ZodType>));
  const members = def.type === "union" ? def.options : def.type === "intersection" ? [def.left, def.right] : [];
  const all = members.map((member) => fieldsOf(member as z.ZodType)).filter((fields) => fields !== undefined);
  if (all.length === 0) return undefined;
  const merged = new Map<string, z.ZodType>();
  for (const [key, field] of all.flatMap((fields) => [...fields])) {
    const known = merged.get(key);
    merged.set(key, known && known !== field ? z.union([known, field]) : field);
  }
  return merged;
}

/** The schema of what stands under the key: a field, an entry of a record, an element of a list. Undefined: no such key is allowed. */
export function childOf(schema: z.ZodType, key: string): z.ZodType | undefined {
  const inner = unwrap(schema);
  const def = definition(inner);
  if (def.type === "record") return def.valueType as z.ZodType;
  if (def.type === "array") return def.element as z.ZodType;
  const field = fieldsOf(inner)?.get(key);
  if (field) return field;
  if (def.type === "object")
    return def.catchall && definition(def.catchall as z.ZodType).type !== "never" ? (def.catchall as z.ZodType) : undefined;
  if (def.type !== "union") return undefined;
  return def.options.map((option) => childOf(option as z.ZodType, key)).find((child) => child !== undefined);
}

/** The schema at a path; undefined where no such key exists. */
export function schemaAt(schema: z.ZodType, path: readonly string[]): z.ZodType | undefined {
  let at: z.ZodType | undefined = schema;
  for (const key of path) at = at && childOf(at, key);
  return at;
}

/** The innermost schema, without what makes it optional or gives it a default. */
function unwrap(schema: z.ZodType): z.ZodType {
  let inner = schema;
  for (let next = within(inner); next; next = within(inner)) inner = next;
  return inner;
}

/** A word that the schema or one within it carries as metadata; the outermost wins. */
export function metadata<T>(schema: z.ZodType, word: string): T | undefined {
  for (let at: z.ZodType | undefined = schema; at; at = within(at)) {
    const value = z.globalRegistry.get(at)?.[word];
    if (value !== undefined) return value as T;
  }
  return undefined;
}

/** The value that stands in for a missing one. */
export function defaultOf(schema: z.ZodType): unknown {
  for (let at: z.ZodType | undefined = schema; at; at = within(at)) {
    const def = definition(at);
    if (def.type === "default" || def.type === "prefault") return def.defaultValue;
    if (def.type === "union") return def.options.map((option) => defaultOf(option as z.ZodType)).find((value) => value !== undefined);
  }
  return undefined;
}

/** Whether what stands under this key must never be shown. */
export function isSecret(key: string, schema?: z.ZodType): boolean {
  return SECRET_NAME.test(key) || (schema !== undefined && metadata(schema, "secret") === true);
}

/** The names of all keys that a schema declares as secrets. */
export function secretNames(schema: z.ZodType, key = ""): string[] {
  if (isSecret(key, schema)) return [key];
  const def = definition(unwrap(schema));
  if (def.type === "array") return secretNames(def.element as z.ZodType, key);
  if (def.type === "record") return secretNames(def.valueType as z.ZodType);
  return [...(fieldsOf(schema) ?? [])].flatMap(([name, field]) => secretNames(field, name));
}

/** What a value has to be, in words. */
export function typeOf(schema: z.ZodType): { en: string; zh: string } {
  const said = metadata<{ en: string; zh: string }>(schema, "expects");
  if (said) return said;
  const inner = unwrap(schema);
  const def = definition(inner);
  switch (def.type) {
    case "string":
      return { en: "text", zh: "文本" };
    case "number": {
      const { minimum = Number.MIN_SAFE_INTEGER, maximum = Number.MAX_SAFE_INTEGER } = z.toJSONSchema(inner);
      const whole = (def as { format?: string }).format === "safeint";
      const low = minimum > Number.MIN_SAFE_INTEGER ? ` ≥ ${minimum}` : "";
      const high = maximum < Number.MAX_SAFE_INTEGER ? ` ≤ ${maximum}` : "";
      const range = low && high ? ` ${minimum} … ${maximum}` : low + high;
      return { en: `a ${whole ? "whole " : ""}number${range}`, zh: `${whole ? "整数" : "数字"}${range}` };
    }
    case "boolean":
      return { en: "true or false", zh: "true 或 false" };
    case "enum":
      return either(Object.values(def.entries).map(String));
    case "literal":
      return either(def.values.map(String));
    case "array": {
      const element = typeOf(def.element as z.ZodType);
      return { en: `a list (each: ${element.en})`, zh: `列表（每项：${element.zh}）` };
    }
    case "union": {
      const members = def.options.map((option) => typeOf(option as z.ZodType));
      return { en: distinct(members.map(({ en }) => en)).join(", or "), zh: distinct(members.map(({ zh }) => zh)).join("，或") };
    }
    case "object":
    case "record":
      return { en: "a mapping (lines of key: value below it)", zh: "映射（下面缩进的 key: value）" };
    default:
      return { en: "anything", zh: "任意" };
  }
}

function either(values: string[]): { en: string; zh: string } {
  return { en: values.join(" | "), zh: values.join(" | ") };
}

function distinct(texts: string[]): string[] {
  return [...new Set(texts)];
}

function within(schema: z.ZodType): z.ZodType | undefined {
  const def = definition(schema);
  switch (def.type) {
    case "optional":
    case "nullable":
    case "default":
    case "prefault":
    case "nonoptional":
    case "readonly":
    case "catch":
      return def.innerType as z.ZodType;
    case "pipe":
      return (definition(def.in as z.ZodType).type === "transform" ? def.out : def.in) as z.ZodType;
    case "lazy":
      return def.getter() as z.ZodType;
    default:
      return undefined;
  }
}

function definition(schema: z.ZodType): Definition {
  return schema._zod.def as Definition;
}
