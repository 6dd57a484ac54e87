import { secret, z } from "clawdbot";

const peer = z.strictObject({
  /** The peer's WebSocket server, such as ws://127.0.0.1:3001. */
  url: z
    .url({ protocol: /^wss?$/, error: "is no address such as ws://127.0.0.1:3001" })
    .refine((url) => !/[?&]access_token=|\/\/[^/]*@/i.test(url), {
      error: "must not hold a token: put that under token",
      params: { zh: "不要在地址里写令牌，请写在 token 里" },
    }),
  token: secret().optional(),
});

/**
 * The section `onebot`. Peers that dial in need `token`, or one of `tokens`; without either, those of this machine's own clients do.
 * Accounts are not configured: each peer names the one it is logged in with.
 */
export const onebotConfig = z.strictObject({
  token: secret().optional(),
  /** Several, of which each opens the door: one for each peer, or the old and the new while they change. */
  tokens: z.array(secret()).min(1).optional(),
  /** Peers that the daemon dials (forward WebSocket). */
  connect: z.array(peer).default([]),
  max_frame_bytes: z.int().min(1024).max(67_108_864).default(4_194_304),
  /** ms between two pings; a peer that misses two is dropped. */
  ping_interval: z.int().min(1000).max(300_000).default(20_000),
});

export type OnebotConfig = z.output<typeof onebotConfig>;
export type PeerConfig = OnebotConfig["connect"][number];

/** Every token with which a peer may dial in. */
export function doorTokens({ token, tokens = [] }: OnebotConfig): string[] {
  return token === undefined ? tokens : [token, ...tokens];
}
