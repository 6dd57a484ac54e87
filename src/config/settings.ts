import type { z } from "zod";
import type { AdapterDefinition } from "../adapter.ts";
import type { coreSchema } from "./schema.ts";

type Core = z.output<typeof coreSchema>;

/** The whole configuration, checked, with defaults filled in. Key names are those of the files; spans are ms, sizes bytes. */
export interface Settings extends Pick<Core, "server" | "metrics" | "performance" | "log" | "router" | "security"> {
  storage: { type: "sqlite"; path: string; retention_days: number };
  /** Every configured channel, also the disabled ones. */
  channels: ChannelSettings[];
  dataDir: string;
  configDir: string;
  permissionsFile: string;
}

export interface ChannelSettings {
  definition: AdapterDefinition;
  /** The key that was used, configKey or an alias. */
  key: string;
  enabled: boolean;
  /** Settings by account; "default" when the section has no `accounts`. Empty for a disabled channel. */
  accounts: Map<string, unknown>;
}

/** Where a value came from: "config/gateway.yaml:3:5", "CLAWDBOT_SERVER__PORT", "--set server.port" or "default". */
export type Origin = string;
