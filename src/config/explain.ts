import { z } from "zod";
import type { AdapterDefinition } from "../adapter.ts";
import { rootSchema } from "./root-schema.ts";
import { defaultOf, fieldsOf, isSecret, metadata, schemaAt, typeOf } from "./shape.ts";

export interface Explanation {
  path: string;
  /** What a value has to be, in words. */
  type: { en: string; zh: string };
  description: { en: string; zh: string };
  /** Absent when there is none. */
  default?: unknown;
  secret: boolean;
  /** The keys below it. */
  keys: string[];
}

/** What the key at a dotted path means ("" is the whole configuration); undefined when there is no such key. Where it is set, a Config tells. */
export function explain(path: string, definitions: readonly AdapterDefinition[]): Explanation | undefined {
  const keys = path === "" ? [] : path.split(".");
  const schema = schemaAt(rootSchema(definitions), keys);
  if (!schema) return undefined;
  const en = metadata<string>(schema, "description") ?? "";
  const fields = [...(fieldsOf(schema)?.keys() ?? [])];
  const fallback = fields.length > 0 ? undefined : defaultOf(schema);
  return {
    path,
    type: typeOf(schema),
    description: { en, zh: metadata<string>(schema, "zh") ?? en },
    ...(fallback !== undefined && { default: fallback }),
    secret: isSecret(keys.at(-1) ?? "", schema),
    keys: fields,
  };
}

/** JSON Schema (draft 7) of the configuration files with the sections of all installed channels, for editors; descriptions in both languages. */
export function schemaDocument(definitions: readonly AdapterDefinition[]): object {
  const document = z.toJSONSchema(rootSchema(definitions), {
    target: "draft-7",
    io: "input",
    unrepresentable: "any",
    override({ zodSchema, jsonSchema }) {
      const { zh, secret, expects, ...standard } = jsonSchema;
      for (const key of Object.keys(jsonSchema)) if (!(key in standard)) delete jsonSchema[key];
      if (zh !== undefined) jsonSchema.description = `${standard.description}\n${zh}`;
      if (secret === true) jsonSchema.writeOnly = true;
      const { def } = zodSchema._zod;
      if (def.type === "object" && !def.catchall) jsonSchema.additionalProperties = false;
    },
  });
  return { ...document, title: "clawdbot" };
}
