import { type AdapterContext, backoff, type Clock, errorText, type Logger, type Random, type Service, sleep } from "clawdbot";
import { type Ending, Link, type LinkParts } from "./stream-link.ts";

/** A connection that lasted this long was a good one: the next short one is the first again. */
const STABLE_MS = 60_000;
const MAX_WAIT_MS = 30_000;

export interface StreamParts extends Pick<LinkParts, "answer"> {
  clock: Clock;
  random: Random;
  log: Logger;
  account: string;
  report: AdapterContext["report"];
  /** Asks the platform for the address of one new connection. Must have a deadline. */
  requestAddress(signal: AbortSignal): Promise<string>;
}

/**
 * Keeps one connection of Stream mode. Only the loop in `keep` ever opens one, so there is one attempt at a time and one wait between
 * two. When the platform says that a connection expires, the next is open before it is closed: nothing is sent to an expired one.
 * https://opensource.dingtalk.com/developerpedia/docs/learn/stream/protocol
 */
export function createStream(on: StreamParts): Service {
  const { clock, random, log, account } = on;
  /** Links that are closed one after the other when all they were sent is answered. */
  const retiring = new Set<Promise<void>>();
  let running: { stop: AbortController; done: Promise<void> } | undefined;

  async function keep(signal: AbortSignal, tried: () => void): Promise<void> {
    const stopped = new Promise<"stopped">((resolve) => signal.addEventListener("abort", () => resolve("stopped"), { once: true }));
    let link: Link | undefined;
    let failures = 0;
    let shortLived = 0;
    while (!signal.aborted) {
      let next: Link;
      try {
        const address = await on.requestAddress(signal);
        next = await Link.connect(address, { clock, log, answer: (frame) => answerUnlessStopped(frame, signal) }, signal);
      } catch (error) {
        if (signal.aborted) break;
        const wait = backoff(random, ++failures, undefined, MAX_WAIT_MS);
        log.warn("no stream connection, will try again", { account, attempt: failures, in_ms: wait, error: errorText(error) });
        on.report({ receiving: false, detail: errorText(error) });
        tried();
        await sleep(clock, wait, signal).catch(() => undefined);
        continue;
      }
      retire(link);
      link = next;
      failures = 0;
      const openedAt = clock.monotonic();
      on.report({ receiving: true, detail: "connected" });
      log.info("stream connected", { account });
      tried();
      const ending = await Promise.race([link.ended, stopped]);
      if (ending === "stopped") break;
      const wasStable = clock.monotonic() - openedAt >= STABLE_MS;
      if (wasStable) shortLived = 0;
      await beforeNext(ending, shortLived, signal);
      if (!wasStable) shortLived++;
    }
    retire(link);
    await Promise.all(retiring);
  }

  /** An expired connection is replaced at once, unless those before it were short-lived too: a platform in trouble gets time. */
  async function beforeNext(ending: Ending, shortLived: number, signal: AbortSignal): Promise<void> {
    const wait = ending === "expired" && shortLived === 0 ? 0 : backoff(random, shortLived + 1, undefined, MAX_WAIT_MS);
    on.report({ receiving: false, detail: `the connection is ${ending}, opening the next one` });
    log.info("stream connection ended", { account, ending, in_ms: wait });
    if (wait > 0) await sleep(clock, wait, signal).catch(() => undefined);
  }

  /** What comes while the channel stops is left to the platform to push again. */
  async function answerUnlessStopped(frame: Parameters<LinkParts["answer"]>[0], signal: AbortSignal): Promise<string | undefined> {
    return signal.aborted ? undefined : await on.answer(frame);
  }

  function retire(link: Link | undefined): void {
    if (!link) return;
    const done = link.retire().finally(() => retiring.delete(done));
    retiring.add(done);
  }

  return {
    /** Resolves after the first attempt, however that went: the next ones are made here. */
    async start() {
      if (running) return;
      const stop = new AbortController();
      await new Promise<void>((tried) => {
        running = { stop, done: keep(stop.signal, tried).finally(tried) };
      });
    },
    async stop() {
      const was = running;
      running = undefined;
      was?.stop.abort(new Error("the channel stops"));
      await was?.done;
    },
  };
}
