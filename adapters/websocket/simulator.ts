import { randomUUID } from "node:crypto";
import {
  ClawdbotError,
  connectDaemon,
  type DaemonMessage,
  DaemonRefusal,
  type DaemonReply,
  type DaemonSocket,
  defineSimulator,
  errorCode,
  type Fault,
  type Offered,
  SentLog,
  type Simulator,
  type SimulatorOptions,
  sleep,
  systemClock,
  type Timer,
  UnreachableError,
} from "clawdbot";
import { FORGERIES, forge } from "./forge.ts";

const TOKEN = "simulated-client-token";
const RETRIES = 100;
const RETRY_MS = 100;
/** A daemon that is started again is away for about this long. */
const MIN_PATIENCE_MS = 2000;

/**
 * Users behind one client of the daemon's own protocol. A message is offered with the same id until the daemon has it; replies are told
 * apart by their number, and one that was shown before counts as suppressed. Faults: "reset" breaks the connection at once, "slow" stops
 * acknowledging for `times` replies; the others have no meaning here.
 */
function createWebSocketSimulator(options: SimulatorOptions): Simulator {
  const { token, path, maxFrameBytes } = readConfig(options);
  const retries = options.retries ?? RETRIES;
  const retryDelayMs = options.retryDelayMs ?? RETRY_MS;
  const patienceMs = Math.max(MIN_PATIENCE_MS, retries * retryDelayMs);
  const clock = options.clock ?? systemClock;
  const run = randomUUID().slice(0, 8);
  const log = new SentLog(clock);
  const calls: Record<string, number> = {};
  const unanswered = new Set<() => void>();
  let daemonUrl = options.daemonUrl;
  let messages = 0;
  let lastSeq: number | undefined;
  let unacknowledged = 0;
  let opening: Promise<DaemonSocket> | undefined;
  let stopped = false;
  let away = false;

  const count = (call: string) => {
    calls[call] = (calls[call] ?? 0) + 1;
  };
  const url = () => new URL(path, daemonUrl.replace(/^http/, "ws")).href;

  /** The one connection. Once it was there it comes back by itself; until then each who speaks makes an attempt. */
  function connection(): Promise<DaemonSocket> {
    if (stopped) return Promise.reject(new ClawdbotError("CLAWDBOT_ERR_STOPPING", "the simulator is stopped"));
    opening ??= open().catch((error: unknown) => {
      opening = undefined;
      throw error;
    });
    return opening;
  }

  async function open(): Promise<DaemonSocket> {
    let socket: DaemonSocket | undefined;
    let patience: Timer | undefined;
    socket = await connectDaemon({
      url,
      token,
      clock,
      retryDelayMs,
      maxRetryDelayMs: retryDelayMs,
      manualAcks: true,
      ...(lastSeq === undefined ? {} : { resumeAfter: lastSeq }),
      onReply(reply) {
        lastSeq = reply.seq;
        record(reply, false);
        if (unacknowledged > 0) unacknowledged--;
        else socket?.ack(reply.seq);
      },
      onRepeated: (reply) => record(reply, true),
      onState(state) {
        count(state);
        clock.clearTimeout(patience);
        away = false;
        if (state === "refused") opening = undefined;
        if (state !== "down") return;
        patience = clock.setTimeout(() => {
          away = true;
          for (const giveUp of unanswered) giveUp();
        }, patienceMs);
        patience.unref();
      },
    });
    return socket;
  }

  /** Sends it until the daemon answers, or has been away for longer than a platform would try. */
  async function send(message: DaemonMessage): Promise<"accepted" | "duplicate"> {
    const socket = await connection();
    const gone = new UnreachableError("the daemon did not come back");
    if (away) throw gone;
    count("message");
    return await new Promise((resolve, reject) => {
      const giveUp = () => reject(gone);
      unanswered.add(giveUp);
      socket
        .send(message)
        .finally(() => unanswered.delete(giveUp))
        .then(resolve, reject);
    });
  }

  function record(reply: DaemonReply, suppressed: boolean): void {
    count(suppressed ? "repeated" : "reply");
    log.add({ at: clock.now(), conversation: reply.conversation.id, text: reply.text, suppressed, raw: reply });
  }

  async function offer(message: DaemonMessage, offered: Offered): Promise<void> {
    for (let attempt = 0; attempt <= retries; attempt++) {
      try {
        offered.answers.push(await send(message));
        offered.acked = true;
        return;
      } catch (error) {
        offered.answers.push(errorCode(error));
        if (!(error instanceof ClawdbotError && error.retryable)) return;
        const asked = error instanceof DaemonRefusal ? error.retryAfterMs : undefined;
        await sleep(clock, options.retryDelayMs ?? asked ?? RETRY_MS);
      }
    }
  }

  return {
    apiBase: "",
    sent: log.records,
    calls,
    get daemonUrl() {
      return daemonUrl;
    },
    set daemonUrl(value) {
      daemonUrl = value;
    },
    async start() {
      stopped = false;
      // The daemon may not be there yet: then the first who speaks tries again.
      connection().catch(() => undefined);
    },
    async stop() {
      stopped = true;
      const socket = await opening?.catch(() => undefined);
      opening = undefined;
      await socket?.close();
    },
    async say({ text, from, group, id = `${run}-${++messages}` }, { duplicate = 1, forge: kind } = {}) {
      const conversation = group === undefined ? ({ id: from, type: "direct" } as const) : ({ id: group, type: "group" } as const);
      const message: DaemonMessage = { id, conversation, sender: { id: from }, text };
      if (kind !== undefined) return await forge(kind, { url: url(), token, maxFrameBytes, clock }, message);
      const offered: Offered = { id, acked: false, answers: [] };
      await Promise.all(Array.from({ length: duplicate }, () => offer(message, offered)));
      return offered;
    },
    waitForSent: (n, options) => log.waitFor(n, options),
    onSent: (listener) => log.listen(listener),
    fault(fault: Fault | null) {
      unacknowledged = fault?.kind === "slow" ? (fault.times ?? Number.POSITIVE_INFINITY) : 0;
      // Without a connection there is nothing to break.
      if (fault?.kind === "reset") opening?.then((socket) => socket.reset()).catch(() => {});
    },
  };
}

/** One account's settings, of which only these matter to a client. */
function readConfig({ config, token }: SimulatorOptions): { token: string; path: string; maxFrameBytes: number } {
  const { tokens, ...known } = config as { token?: string; tokens?: { token: string }[]; path?: string; max_frame_bytes?: number };
  return {
    token: token ?? known.token ?? tokens?.[0]?.token ?? TOKEN,
    path: known.path ?? "/clawdbot/ws",
    maxFrameBytes: known.max_frame_bytes ?? 1_048_576,
  };
}

export default defineSimulator({
  config: () => ({ token: TOKEN }),
  forgeries: FORGERIES,
  create: createWebSocketSimulator,
});
