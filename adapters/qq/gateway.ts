import {
  type AdapterContext,
  backoff,
  errorText,
  OverloadedError,
  RateLimitError,
  type Service,
  sleep,
  type Timer,
  UnreachableError,
} from "clawdbot";
import type { AccessTokens } from "./access-token.ts";
import { checkAnswer, parseBody } from "./answer.ts";
import type { QqConfig } from "./config.ts";
import type { Frame } from "./event.ts";
import { type End, GatewayConnection, type Session } from "./gateway-connection.ts";
import { intentBits } from "./intents.ts";
import type { Rest } from "./rest.ts";

const KEY = "gateway_session";
/** The stored position may be this much behind: what comes again is known. */
const SAVE_MS = 1000;
/** A connection that lived this long was a good one. */
const GOOD_MS = 5000;
/** So many Resumes in a row without success, and the session is given up. */
const MOST_RESUMES = 3;
const MAX_WAIT_MS = 60_000;

interface StoredSession extends Session {
  owner: string;
  url: string;
}

export interface GatewayParts {
  config: QqConfig;
  context: AdapterContext;
  tokens: AccessTokens;
  rest: Rest;
  /** Resolves when the event is on disk, or was none to keep. */
  onEvent(frame: Frame): Promise<void>;
}

/** Keeps one connection to the gateway, the only place that decides when to connect again and how. */
export function createGateway({ config, context, tokens, rest, onEvent }: GatewayParts): Service {
  const { clock, kv, log, account } = context;
  const owner = `${config.api_base} ${config.app_id} ${config.intents.join()}`;
  let running: { stop: AbortController; over: Promise<void> } | undefined;
  let connection: GatewayConnection | undefined;
  let session: Session | undefined;
  let url: string | undefined;
  let token = "";
  let saving: Timer | undefined;

  async function load(): Promise<void> {
    const stored = (await kv.get(KEY))?.value as StoredSession | undefined;
    if (stored?.owner !== owner) return;
    session = { id: stored.id, position: stored.position };
    url = stored.url;
  }

  async function save(): Promise<void> {
    clock.clearTimeout(saving);
    saving = undefined;
    try {
      if (session && url) await kv.set(KEY, { ...session, owner, url } satisfies StoredSession);
      else await kv.delete(KEY);
    } catch (error) {
      log.warn("gateway session not stored", { account, error: errorText(error) });
    }
  }

  function saveLater(): void {
    saving ??= clock.setTimeout(() => void save(), SAVE_MS);
  }

  /** Where the platform wants the next connection. https://bot.q.qq.com/wiki/develop/api-v2/openapi/wss/shard_url_get.html */
  async function findGateway(signal: AbortSignal): Promise<string> {
    const response = await rest.call("GET", "/gateway/bot", { signal });
    const body = parseBody(response);
    checkAnswer(response, body);
    if (typeof body.url !== "string" || !/^wss?:\/\//.test(body.url)) throw new UnreachableError("the platform names no gateway");
    const limit = body.session_start_limit as { remaining?: number; reset_after?: number } | undefined;
    if (!session && limit?.remaining === 0) throw new RateLimitError(limit.reset_after ?? MAX_WAIT_MS, "no logins left for now");
    return body.url;
  }

  async function connect(signal: AbortSignal, onUp: () => void): Promise<End> {
    token = await tokens.get();
    if (!url || !session) url = await findGateway(signal);
    connection = new GatewayConnection({
      url,
      token,
      intents: intentBits(config.intents),
      session,
      context,
      onEvent,
      onUp(next, how) {
        if (how === "identified" && session) log.warn("gateway session lost: events in between may be missing", { account });
        session = next;
        void save();
        log.info("gateway connected", { account, how });
        context.report({ receiving: true, detail: how });
        onUp();
      },
      onMoved(next) {
        if (session?.id !== next.id) return;
        session = next;
        saveLater();
      },
    });
    if (signal.aborted) connection.break({ next: "resume", detail: "stopped" });
    return await connection.run();
  }

  /** Connects again and again until the platform says that this is of no use. onTried: events come in, or the first attempt has failed. */
  async function run(signal: AbortSignal, onTried: () => void): Promise<void> {
    let attempt = 0;
    let resumes = 0;
    while (!signal.aborted) {
      const resuming = session !== undefined;
      const end = await connect(signal, onTried).catch((error: unknown) => failedBefore(error));
      connection = undefined;
      if (signal.aborted) return;
      attempt = end.upMs >= GOOD_MS ? 1 : attempt + 1;
      resumes = resuming && end.reached === "hello" && !end.refused ? resumes + 1 : 0;
      if (end.reached === "nothing") url = undefined;
      if (end.next === "identify" || resumes >= MOST_RESUMES) {
        session = undefined;
        resumes = 0;
        await save();
      }
      context.report({ receiving: false, detail: end.detail });
      onTried();
      if (end.next === "stop") return log.error("gateway gives up until the daemon is started again", { account, reason: end.detail });
      if (end.freshToken) await tokens.replace(token).catch(() => undefined);
      const waitMs = Math.max(end.waitMs ?? 0, backoff(context.random, attempt, 1000, MAX_WAIT_MS));
      log.warn("gateway connection ended", { account, reason: end.detail, next: session ? "resume" : "identify", in_ms: waitMs });
      await sleep(clock, waitMs, signal).catch(() => undefined);
    }
  }

  return {
    async start() {
      if (running) return;
      const stop = new AbortController();
      await new Promise<void>((resolve) => {
        const over = load()
          .catch((error: unknown) => log.warn("gateway session not read", { account, error: errorText(error) }))
          .then(() => run(stop.signal, resolve))
          .finally(resolve);
        running = { stop, over };
      });
    },
    async stop() {
      if (!running) return;
      const { stop, over } = running;
      running = undefined;
      stop.abort(new Error("stopped"));
      connection?.break({ next: "resume", detail: "stopped" });
      await over;
      await save();
    },
  };
}

/** There was no connection at all. */
function failedBefore(error: unknown): End {
  const waitMs = error instanceof RateLimitError || error instanceof OverloadedError ? error.retryAfterMs : undefined;
  return { next: "resume", detail: errorText(error), reached: "nothing", upMs: 0, refused: false, ...(waitMs !== undefined && { waitMs }) };
}
