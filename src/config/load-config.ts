import { existsSync } from "node:fs";
import { join } from "node:path";
import type { z } from "zod";
import type { AdapterDefinition } from "../adapter.ts";
import { openMetrics, refusedBinds } from "./binds.ts";
import { readChannel } from "./channels.ts";
import { check, valueAt } from "./check.ts";
import { closest } from "./closest.ts";
import { readConfigFiles, shownPath } from "./config-files.ts";
import { type ConfigTree, createConfigTree, isMapping } from "./config-tree.ts";
import { lostIndentation } from "./lost-indentation.ts";
import { collectSecrets, createLineMask, maskSecrets } from "./mask.ts";
import { environmentOverrides, expandVariables, flagOverrides, type Override, type Variables } from "./overrides.ts";
import { ConfigError, type Problem } from "./problem.ts";
import { rootSchema } from "./root-schema.ts";
import { coreSchema } from "./schema.ts";
import type { ChannelSettings, Origin, Settings } from "./settings.ts";
import { childOf, fieldsOf, secretNames } from "./shape.ts";
import type { YamlFile } from "./yaml-file.ts";

export interface LoadOptions {
  /** A folder or one file; must exist when given. Default: CLAWDBOT_CONFIG, else ./config, which may be missing. */
  dir?: string;
  /** Must exist when given. Default: permissions.yaml beside the folder. */
  permissions?: string;
  dataDir?: string;
  /** Dotted path → value, over everything else. */
  flags?: Readonly<Record<string, string>>;
  env: Variables;
  /** The channels that are installed. */
  definitions: readonly AdapterDefinition[];
}

export interface Config {
  settings: Settings;
  /** How much was read: files, and the keys with a value in them. */
  extent: { files: number; keys: number };
  /** What does not keep the daemon from starting. */
  warnings: Problem[];
  /** Every configured secret, for the log to mask. */
  secrets: string[];
  /** Where the value at a dotted path comes from. */
  origin(path: string): Origin;
  /** The value in effect at a dotted path ("" is everything), secrets masked; undefined when there is none. */
  value(path: string): unknown;
}

/** Reads the whole configuration. Throws ConfigError with everything that is wrong with it. Writes nothing. */
export function loadConfig(options: LoadOptions): Config {
  const { env, definitions } = options;
  const root = rootSchema(definitions);
  const named = options.dir ?? env.CLAWDBOT_CONFIG;
  const mask = createLineMask(secretNames(root));
  const read = readConfigFiles(named ?? "config", { required: named !== undefined, mask, expand: expandVariables(env) });
  const problems = [...read.problems, ...read.files.flatMap((file) => problemsIn(file, root))];
  const files = read.files.filter((file) => problemsIn(file, root).length === 0);

  const environment = environmentOverrides(env, root);
  const overrides = [...dataDirOverrides(options), ...environment.overrides, ...flagOverrides(options.flags ?? {})];
  const aliases = new Map(definitions.flatMap(({ configKey, configAliases = [] }) => configAliases.map((alias) => [alias, configKey])));
  const sectionOf = (key: string) => aliases.get(key) ?? key;
  const tree = createConfigTree(root, files, overrides, sectionOf);
  problems.push(...environment.problems, ...tree.problems, ...unknownSections(tree, root, definitions));

  const core = check(coreSchema, pick(tree.value, Object.keys(coreSchema.shape)), { locator: tree });
  problems.push(...core.problems);
  const channels: ChannelSettings[] = [];
  for (const definition of definitions) {
    const { configKey } = definition;
    const { channel, problems: found } = readChannel(definition, tree.value[configKey], tree);
    problems.push(...found);
    if (!channel || found.length > 0) continue;
    channels.push(channel);
    if (core.data) problems.push(...refusedBinds([channel], core.data.server, tree));
  }
  const permissionsFile = options.permissions ?? join(read.dir, "..", "permissions.yaml");
  if (options.permissions !== undefined && !existsSync(permissionsFile)) problems.push(missing(permissionsFile));
  if (!core.data || problems.length > 0) throw new ConfigError(problems);

  const { data_dir: dataDir, storage, server, metrics, performance, log, router, security } = core.data;
  const shared = { server, metrics, performance, log, router, security };
  const store = { type: "sqlite" as const, path: storage.path ?? join(dataDir, "clawdbot.db"), retention_days: storage.retention_days };
  const effective = { data_dir: dataDir, ...shared, storage: store, ...Object.fromEntries(channels.map(sectionInEffect)) };
  const pathOf = (dotted: string) => (dotted === "" ? [] : dotted.split(".").map((key, index) => (index === 0 ? sectionOf(key) : key)));
  return {
    settings: { ...shared, storage: store, channels, dataDir, configDir: read.dir, permissionsFile: shownPath(permissionsFile) },
    extent: { files: files.length, keys: files.reduce((sum, file) => sum + countKeys(file.value), 0) },
    warnings: [...environment.warnings, ...openMetrics(metrics, tree)],
    secrets: [...new Set(collectSecrets(effective, root))],
    origin: (dotted) => tree.origin(pathOf(dotted)),
    value: (dotted) => valueAt(maskSecrets(effective, root), pathOf(dotted)),
  };
}

/** A file that lost its indentation has one problem, not the many that follow from it. */
function problemsIn(file: YamlFile, root: z.ZodObject): readonly Problem[] {
  const lost = lostIndentation(file.topLevel, (key) => {
    const section = childOf(root, key);
    return section && [...(fieldsOf(section)?.keys() ?? [])];
  });
  return lost.length > 0 ? lost : file.problems;
}

function dataDirOverrides({ env, dataDir }: LoadOptions): Override[] {
  const sources = { CLAWDBOT_DATA_DIR: env.CLAWDBOT_DATA_DIR, "--data-dir": dataDir };
  const set = Object.entries(sources).filter((source): source is [string, string] => source[1] !== undefined);
  return set.map(([setBy, text]) => ({ path: ["data_dir"], value: text, text, setBy }));
}

function unknownSections(tree: ConfigTree, root: z.ZodObject, definitions: readonly AdapterDefinition[]): Problem[] {
  const known = Object.keys(root.shape);
  const channels = definitions.map(({ configKey }) => configKey).join(", ");
  const unknown = Object.keys(tree.value).filter((key) => !known.includes(key));
  return unknown.map((key) => {
    const near = closest(key, known);
    const hint = near
      ? { en: `Did you mean ${near}?`, zh: `是否想写 ${near}？` }
      : { en: `Installed channels: ${channels}`, zh: `已安装的渠道：${channels}` };
    const message = { en: "unknown section, and no adapter of that name is installed", zh: "未知的节，也没有安装这个名字的适配器" };
    return { at: tree.where([key], "key"), path: key, message, hint };
  });
}

function missing(file: string): Problem {
  return { at: file, path: "", message: { en: "does not exist", zh: "不存在" } };
}

function sectionInEffect({ definition, enabled, accounts }: ChannelSettings): [string, object] {
  const only = accounts.size === 1 ? accounts.get("default") : undefined;
  return [definition.configKey, { enabled, ...(only ?? (accounts.size > 0 && { accounts: Object.fromEntries(accounts) })) }];
}

function countKeys(value: unknown): number {
  return isMapping(value) ? Object.values(value).reduce<number>((sum, inner) => sum + (isMapping(inner) ? countKeys(inner) : 1), 0) : 0;
}

function pick(value: Record<string, unknown>, keys: readonly string[]): Record<string, unknown> {
  return Object.fromEntries(keys.filter((key) => Object.hasOwn(value, key)).map((key) => [key, value[key]]));
}
