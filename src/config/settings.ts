import type { AdapterDefinition } from "../adapter.ts";

/** The whole configuration, checked, with defaults filled in. Key names are those of the files. */
export interface Settings {
  server: {
    host: string;
    port: number;
    public_url?: string | undefined;
    /** Language of replies when nothing tells the sender's; "auto" = the channel's. */
    language: "auto" | "zh" | "en";
    /** Largest callback body, bytes. */
    max_body: number;
    max_connections_per_address: number;
    /** Tokens are needed to listen on an address that is not loopback. */
  };
  metrics: { enabled: boolean; host: string; port: number; legacy_names: boolean };
  storage: { type: "sqlite"; path?: string | undefined; retention_days: number };
  performance: {
    /** Conversations handled at a time. */
    worker_threads: number;
    /** Replies being sent at a time, over all conversations. */
    max_deliveries: number;
    max_queue_size: number;
    max_outbox_size: number;
    max_attempts: number;
    /** ms */
    skill_timeout: number;
    /** ms, one outbound call */
    io_timeout: number;
    /** ms, how long a reply is tried while its platform is out of reach */
    reply_ttl: number;
    /** ms, how long SIGTERM waits for running skills and sends */
    drain_timeout: number;
    batch: { enabled: boolean; size: number; interval: number };
  };
  log: { level: "debug" | "info" | "warn" | "error"; file: boolean };
  router: { default?: string | undefined };
  security: { admins: string[]; rate_limit_scope: "user" | "conversation" };
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
  /** Settings by account; "default" when the section has no `accounts`. */
  accounts: Map<string, unknown>;
}

/** Where a value came from: "config/gateway.yaml:3:5", "CLAWDBOT_SERVER__PORT", "--port" or "default". */
export type Origin = string;
