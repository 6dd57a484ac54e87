/** What to do after the platform has closed the connection. */
export interface Verdict {
  /** resume: the session goes on; identify: a new one; stop: connecting again is of no use until somebody changes something. */
  next: "resume" | "identify" | "stop";
  /** What is said in readiness and log. */
  detail: string;
  /** The access token is at fault. */
  freshToken?: boolean;
  /** Not before this has passed. */
  waitMs?: number;
}

const TOO_FAST_MS = 60_000;

const VERDICTS = new Map<number, Verdict>([
  [4001, { next: "stop", detail: "the platform did not know an opcode of ours" }],
  [4002, { next: "stop", detail: "the platform could not read a frame of ours" }],
  [4003, { next: "identify", detail: "not authenticated" }],
  [4004, { next: "identify", detail: "the access token was refused", freshToken: true }],
  [4005, { next: "identify", detail: "authenticated twice" }],
  [4006, { next: "identify", detail: "the session is no longer valid" }],
  [4007, { next: "identify", detail: "the resume position was refused" }],
  [4008, { next: "resume", detail: "frames were sent too fast", waitMs: TOO_FAST_MS }],
  [4009, { next: "resume", detail: "the connection was open for as long as the platform allows" }],
  [4010, { next: "stop", detail: "the platform refuses the shard" }],
  [4011, { next: "stop", detail: "the bot is in too many guilds for one connection: sharding is not supported" }],
  [4012, { next: "stop", detail: "the platform refuses the version of the protocol" }],
  [4013, { next: "stop", detail: "the platform does not know one of `intents`" }],
  [4014, { next: "stop", detail: "the bot has no right to one of `intents`: apply for it in the console (q.qq.com) or take it out" }],
  [4914, { next: "stop", detail: "the bot is offline, or only the sandbox may be used: publish it in the console (q.qq.com)" }],
  [4915, { next: "stop", detail: "the bot is banned: see the console (q.qq.com)" }],
]);

/**
 * What a close code means. 4009 goes on with the session, 4900 to 4913 never do: after "reset by resume" (4902) each further Resume
 * would be refused like the first. A connection that broke (1006 and the like) has not lost its session.
 * https://bot.q.qq.com/wiki/develop/api-v2/dev-prepare/error-trace/websocket.html
 */
export function verdictOf(code: number): Verdict {
  const known = VERDICTS.get(code);
  if (known) return known;
  if (code >= 4900 && code <= 4913) return { next: "identify", detail: `trouble inside the platform (${code})` };
  return { next: "resume", detail: `the connection was lost (${code})` };
}
