import { z } from "zod";
import type { AdapterDefinition } from "../adapter.ts";
import { coreSchema } from "./schema.ts";
import { fieldsOf } from "./shape.ts";

/** Part of every conversation's key and of dotted paths, so: no colon and no dot. */
const accountName = z.string().refine((name) => /^[A-Za-z0-9_-]{1,64}$/.test(name), {
  error: 'is no account name: use letters, digits, "_" and "-"',
  params: { zh: "不能作账号名：只用字母、数字、_ 和 -" },
});

/** What every channel's section has beside the keys of its accounts. */
export const sectionFrame = z.object({
  enabled: z
    .boolean()
    .default(true)
    .meta({ description: "Whether the channel runs; a section without this key is on.", zh: "是否启用该渠道；不写即启用。" }),
  accounts: z.record(accountName, z.looseObject({})).optional(),
});

/** The whole configuration as one schema: it describes files, completion and known keys. Channels are checked by their own schemas. */
export function rootSchema(definitions: readonly AdapterDefinition[]): z.ZodObject {
  const sections = definitions.flatMap((definition) => {
    const section = z.optional(sectionSchema(definition));
    return [definition.configKey, ...(definition.configAliases ?? [])].map((key) => [key, section] as const);
  });
  return z.object({ ...coreSchema.shape, ...Object.fromEntries(sections) });
}

/** A channel's section: one account's keys, and `accounts` for several. Nothing is required, since variables may bring it. */
export function sectionSchema(definition: AdapterDefinition): z.ZodObject {
  const account = Object.fromEntries([...(fieldsOf(definition.config) ?? [])].map(([key, field]) => [key, z.optional(field)]));
  return z.object({
    ...sectionFrame.shape,
    ...account,
    accounts: z.record(accountName, z.object(account)).optional().meta({
      description: "Several bots, by name; the keys beside it are defaults for all.",
      zh: "多个机器人，按名称；旁边的键是它们共同的默认值。",
    }),
  });
}
