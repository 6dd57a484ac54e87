import type { Environment } from "../config/environment.ts";
import type { Format, Output } from "./output.ts";

/** What every command gets: who it speaks to, and what was said before or after its name. */
export interface Cli {
  environment: Environment;
  options: GlobalOptions;
  out: Output;
}

/** Options that every command takes. */
export interface GlobalOptions {
  config?: string;
  dataDir?: string;
  permissions?: string;
  json?: boolean;
  format?: Format;
  color?: boolean;
  quiet?: boolean;
  verbose?: boolean;
}
