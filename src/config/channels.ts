import type { AdapterDefinition } from "../adapter.ts";
import { check, type Locator, takeUnknownKeys } from "./check.ts";
import { type ConfigTree, isMapping } from "./config-tree.ts";
import type { Problem } from "./problem.ts";
import { sectionFrame, sectionSchema } from "./root-schema.ts";
import type { ChannelSettings } from "./settings.ts";

const ONLY_ACCOUNT = "default";

/**
 * Reads one channel's section; undefined when the channel is not configured. A section is on unless it says `enabled: false`;
 * then only unknown keys and wrong types are mistakes, so that an example may stay in place without its secrets.
 */
export function readChannel(
  definition: AdapterDefinition,
  section: unknown,
  tree: ConfigTree,
): { channel: ChannelSettings | undefined; problems: Problem[] } {
  const path = [definition.configKey];
  if (section === undefined && !definition.enabledByDefault) return { channel: undefined, problems: [] };
  const given = structuredClone(section ?? {});
  const problems = takeUnknownKeys(sectionSchema(definition), given, { locator: tree, path });
  if (!isMapping(given)) return { channel: undefined, problems: check(sectionFrame, given, { locator: tree, path }).problems };
  const { enabled, accounts = {}, ...written } = given;
  const shared = { ...borrowed(definition, written, tree), ...written };
  problems.push(...check(sectionFrame, { enabled, accounts }, { locator: tree, path }).problems);

  const key = tree.writtenAs(definition.configKey) ?? definition.configKey;
  const channel: ChannelSettings = { definition, key, enabled: enabled !== false, accounts: new Map() };
  const named = isMapping(accounts) ? Object.entries(accounts).filter(([, own]) => isMapping(own)) : [];
  for (const [name, own] of named.length > 0 ? (named as [string, object][]) : [[ONLY_ACCOUNT, undefined] as const]) {
    const locator = own ? locatorOfAccount(tree, path, name, (first) => !Object.hasOwn(own, first) && Object.hasOwn(shared, first)) : tree;
    const checked = check(definition.config, { ...shared, ...own }, { locator, path, lenient: !channel.enabled });
    problems.push(...checked.problems);
    if (channel.enabled) channel.accounts.set(name, checked.data);
  }
  return { channel, problems: distinct(problems) };
}

function borrowed({ borrows }: AdapterDefinition, own: Record<string, unknown>, { value }: ConfigTree): Record<string, unknown> {
  const section = borrows && value[borrows.from];
  return isMapping(section) ? borrows!.settings(section, own) : {};
}

/** Finds what accounts share beside `accounts`, and everything else under the account's name. */
function locatorOfAccount(locator: Locator, section: readonly string[], name: string, isShared: (key: string) => boolean): Locator {
  const resolve = (path: readonly string[]) => {
    const inner = path.slice(section.length);
    return inner[0] !== undefined && isShared(inner[0]) ? path : [...section, "accounts", name, ...inner];
  };
  return {
    where: (path, of) => locator.where(resolve(path), of),
    text: (path) => locator.text(resolve(path)),
    name: (path) => locator.name(resolve(path)),
  };
}

/** What several accounts share is wrong once. */
function distinct(problems: readonly Problem[]): Problem[] {
  return [...new Map(problems.map((problem) => [JSON.stringify(problem), problem])).values()];
}
