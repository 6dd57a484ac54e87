import { userInfo } from "node:os";
import type { Language } from "../skill.ts";

/** What the command line itself takes from the environment. The variables of the configuration are read by loadConfig. */
export interface Environment {
  /** All of it, for loadConfig. */
  variables: Record<string, string | undefined>;
  /** CLAWDBOT_DATA_DIR: known without reading any file. */
  dataDir: string | undefined;
  /** Of texts for people: CLAWDBOT_LANG, else LANG. */
  language: Language;
  /** What NO_COLOR, FORCE_COLOR, CLICOLOR and TERM ask for; undefined leaves it to whether the output is a terminal. */
  colour: boolean | undefined;
  /** CLAWDBOT_FAILPOINT, set by crash tests alone: "name" or "name:N". */
  failpoint: string | undefined;
  /** jemalloc's settings; that they are set says that jemalloc is wanted. */
  mallocConf: string | undefined;
}

export function readEnvironment(variables: Record<string, string | undefined> = process.env): Environment {
  return {
    variables,
    dataDir: variables.CLAWDBOT_DATA_DIR || undefined,
    language: (variables.CLAWDBOT_LANG || variables.LANG || "").toLowerCase().startsWith("zh") ? "zh" : "en",
    colour: colour(variables),
    failpoint: variables.CLAWDBOT_FAILPOINT || undefined,
    mallocConf: variables.MALLOC_CONF || undefined,
  };
}

function colour({ NO_COLOR, FORCE_COLOR, CLICOLOR, TERM }: Record<string, string | undefined>): boolean | undefined {
  if (NO_COLOR) return false;
  if (FORCE_COLOR !== undefined) return FORCE_COLOR !== "0" && FORCE_COLOR !== "false";
  return CLICOLOR === "0" || TERM === "dumb" ? false : undefined;
}

/** The name of the operating system's user; "operator" where there is none (an arbitrary uid in a container). */
export function userName(): string {
  try {
    return userInfo().username;
  } catch {
    return "operator";
  }
}
