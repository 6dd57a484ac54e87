import { secret, z } from "clawdbot";

/** Part of every conversation's key, so: letters and digits, and no colon. */
const clientName = z.string().regex(/^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$/, 'use letters, digits, ".", "_" and "-", at most 64');

const origin = z
  .string()
  .refine((value) => URL.canParse(value) && new URL(value).origin === value, "is not an origin such as https://chat.example.com");

/** The section `websocket`. Without `token` and `tokens`, only this machine's own clients can log in, with the local token. */
export const websocketConfig = z
  .strictObject({
    /** One client, named "default". */
    token: secret().optional(),
    /** Several clients. Two tokens may have one name: that is how a token is changed without a break. */
    tokens: z
      .array(
        z.strictObject({
          name: clientName,
          token: secret(),
          /** Believe this client when it says that a sender is an administrator. */
          trusted: z.boolean().default(false),
        }),
      )
      .min(1)
      .optional(),
    path: z
      .string()
      .regex(/^\/\S*$/, 'begins with "/"')
      .default("/clawdbot/ws"),
    /** Web pages, by origin, that may connect besides the daemon's own on a loopback address. */
    allowed_origins: z.array(origin).default([]),
    max_frame_bytes: z.int().min(1024).max(67_108_864).default(1_048_576),
    /** ms between two pings; a peer that misses two is dropped. */
    ping_interval: z.int().min(1000).max(300_000).default(20_000),
    /** Open connections of one client. */
    max_connections: z.int().min(1).default(1000),
  })
  .refine((config) => !(config.token && config.tokens), { error: "give token or tokens, not both", path: ["tokens"] })
  .refine((config) => new Set(config.tokens?.map((entry) => entry.token)).size === (config.tokens?.length ?? 0), {
    error: "two clients have the same token",
    path: ["tokens"],
  });

export type WebSocketConfig = z.output<typeof websocketConfig>;
