import type { AdapterDefinition } from "../adapter.ts";
import type { Config } from "../config/load-config.ts";
import type { Cli } from "./cli.ts";

/** The configuration as the daemon sees it from this working folder. `flags`: dotted path → value, over everything else. */
export async function loadSettings(
  { options, environment }: Pick<Cli, "options" | "environment">,
  flags: Record<string, string> = {},
): Promise<Config & { definitions: AdapterDefinition[] }> {
  const [{ loadAdapters }, { loadConfig }] = await Promise.all([import("../adapters/loader.ts"), import("../config/load-config.ts")]);
  const definitions = await loadAdapters();
  const { config: dir, permissions, dataDir } = options;
  const config = loadConfig({
    ...(dir !== undefined && { dir }),
    ...(permissions !== undefined && { permissions }),
    ...(dataDir !== undefined && { dataDir }),
    flags,
    env: environment.variables,
    definitions,
  });
  return { ...config, definitions };
}
