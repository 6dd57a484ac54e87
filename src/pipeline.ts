import { type Clock, type Random, sleep, type Timer } from "./clock.ts";
import { OverloadedError, StorageError } from "./errors.ts";
import type { Guard, Permit } from "./guard/guard.ts";
import { createIds } from "./ids.ts";
import { conversationKey, type InboundMessage, type Message, type Reply } from "./message.ts";
import type { Metrics } from "./observe/metrics.ts";
import { accept } from "./pipeline/accept.ts";
import { createAdmission } from "./pipeline/admission.ts";
import { type DeliverParts, deliver, LONGEST_PAUSE_MS } from "./pipeline/deliver.ts";
import { type Ending, endOfDenied, endOfFailed, finish, makeReplies } from "./pipeline/finish.ts";
import type { Route } from "./pipeline/route.ts";
import { type RunParts, run } from "./pipeline/run.ts";
import { languageOf } from "./pipeline/texts.ts";
import { startTrace, type TraceLog } from "./pipeline/trace.ts";
import type { Queue } from "./queue/queue.ts";
import type { Service } from "./service.ts";
import type { Language, Logger } from "./skill.ts";
import type { PendingMessage, Storage } from "./storage/storage.ts";

export interface PipelineParts extends Pick<RunParts, "context">, Pick<DeliverParts, "settled" | "adapter"> {
  storage: Storage;
  /** Looks at conversations with unfinished messages, and at those with undelivered replies. */
  inbox: Queue;
  outbox: Queue;
  guard: Guard;
  route: Route;
  /** What a channel's users speak when nothing else tells. */
  language(channel: string): Language;
  clock: Clock;
  random: Random;
  metrics: Metrics;
  log: Logger;
  limits: {
    max_queue_size: number;
    max_outbox_size: number;
    max_attempts: number;
    skill_timeout: number;
    reply_ttl: number;
    drain_timeout: number;
  };
}

export interface Pipeline extends Service {
  /** See AdapterContext.receive. */
  receive(channel: string, inbound: InboundMessage): Promise<"accepted" | "duplicate">;
  /** Stores a reply that answers no message, or rejects with OverloadedError; resolves with the ids under which its parts will be delivered. */
  send(reply: Omit<Reply, "id" | "createdAt" | "text">): Promise<string[]>;
  /** Has a dead letter tried again; false when there is none of that id. */
  replay(id: string): Promise<boolean>;
  /** Refuses new messages from now on; what is accepted goes on. */
  close(): void;
}

/** Messages or replies of one conversation that one look handles before others get its place. */
const PER_LOOK = 16;
const SWEEP_MS = 5000;

export function createPipeline(on: PipelineParts): Pipeline {
  const { storage, inbox, outbox, guard, clock, random, log, limits } = on;
  const newId = createIds(clock, random);
  const admission = createAdmission(limits);
  const acceptMs = new Map<string, number>();
  let stopped = new AbortController();
  let stopping = false;
  let sweeper: Timer | undefined;

  const accepting = {
    storage,
    queue: inbox,
    admission,
    clock,
    newId,
    metrics: on.metrics,
    accepted: (id: string, ms: number) => acceptMs.set(id, ms),
  };
  const running = { clock, metrics: on.metrics, skillTimeout: limits.skill_timeout, context: on.context };
  const finishing = { storage, clock, adapter: on.adapter, persist, newId, admission, log };

  const delivering = {
    ...on,
    persist,
    maxAttempts: limits.max_attempts,
    replyTtl: limits.reply_ttl,
    get signal() {
      return stopped.signal;
    },
  };

  /** The whole life of an accepted message. Every step is one file in pipeline/. */
  async function processMessage(pending: PendingMessage): Promise<void> {
    const { message } = pending;
    const trace = startTrace(message, acceptMs.get(message.id), clock);
    acceptMs.delete(message.id);
    const permit = guard.permit(message);
    trace.mark("guard");
    let ending: Ending;
    try {
      ending = await answer(pending, permit, trace);
      await finish(pending, ending, trace, finishing);
    } catch (error) {
      if (isUntried(error)) throw error;
      const failed = endOfFailed(pending, error, trace, { ...on, language: speak(message) });
      if ("notBefore" in failed) return await persist(() => storage.retryMessage(message.id, failed));
      ending = failed;
      await finish(pending, ending, trace, finishing);
    }
    if (ending.replies.length > 0) outbox.notify(conversationKey(message));
  }

  /** Whether the daemon itself is to blame: that is no attempt, the message is looked at again as if nothing had been. */
  function isUntried(error: unknown): boolean {
    return error instanceof StorageError || stopped.signal.aborted;
  }

  /** Asks the skills that may answer, in order, until one does. */
  async function answer(pending: PendingMessage, permit: Permit, trace: TraceLog): Promise<Ending> {
    const { message } = pending;
    const first = pending.attempts === 0;
    for (const candidate of on.route(message)) {
      const { name } = candidate.skill;
      trace.mark("route", `${candidate.by}:${name}`);
      const decision = first ? permit.use(name) : permit.may(name);
      if (!decision.allowed) {
        const unasked = candidate.by === "asked" || candidate.by === "default";
        if (unasked && decision.reason !== "rate_limited") continue;
        trace.mark("guard", decision.rule);
        return endOfDenied(message, candidate, decision, permit, { ...on, language: speak(message) });
      }
      const contents = await run(candidate, message, running).catch((error: unknown) => {
        if (first && isUntried(error)) permit.refund(name);
        throw error;
      });
      trace.mark("run", name);
      if (contents) return { outcome: contents.length > 0 ? "replied" : "silent", reason: "answered", skill: name, replies: contents };
      if (first) permit.refund(name);
    }
    return { outcome: "nobody", reason: "no_skill", replies: [] };
  }

  async function lookAtMessages(conversation: string): Promise<number | undefined> {
    for (let n = 0; n < PER_LOOK; n++) {
      if (stopping) return undefined;
      const [next] = await storage.pendingMessages(conversation, 1);
      if (!next) return undefined;
      const wait = pause(next.notBefore);
      if (wait > 0) return wait;
      await processMessage(next);
    }
    return 0;
  }

  async function lookAtReplies(conversation: string): Promise<number | undefined> {
    for (let n = 0; n < PER_LOOK; n++) {
      if (stopping) return undefined;
      const [next] = await storage.pendingReplies(conversation, 1);
      if (!next) return undefined;
      const wait = pause(next.notBefore);
      if (wait > 0) return wait;
      if (await deliver(next, delivering)) admission.replyLeft();
    }
    return 0;
  }

  /** Repeats a write until the store takes it or the daemon stops. What it records has happened and must not happen again. */
  async function persist<T>(write: () => Promise<T>): Promise<T> {
    for (let wait = 50; ; wait = Math.min(wait * 2, 2000)) {
      try {
        return await write();
      } catch (error) {
        if (!(error instanceof StorageError)) throw error;
        log.error("the store does not take writes, will try again", { in_ms: wait, code: error.code });
        await sleep(clock, wait, stopped.signal);
      }
    }
  }

  /** ms until then. What lies further ahead than any pause is a time from before the wall clock was put back: it is over. */
  function pause(until: number): number {
    const ms = until - clock.now();
    return ms > LONGEST_PAUSE_MS ? 0 : Math.max(0, ms);
  }

  /** Says again what a queue may have lost: after a start, a crash, or a queue that forgot. */
  async function sweep(): Promise<void> {
    admission.set(await storage.counts());
    const { inbox: messages, outbox: replies } = await storage.unfinished();
    for (const due of messages) inbox.notify(due.conversation, pause(due.at));
    for (const due of replies) outbox.notify(due.conversation, pause(due.at));
  }

  function sweepLater(): void {
    if (stopping) return;
    sweeper = clock.setTimeout(() => {
      sweep().then(sweepLater, (error: unknown) => {
        log.warn("sweep failed", { error: String(error) });
        sweepLater();
      });
    }, SWEEP_MS);
    sweeper.unref();
  }

  function speak(message: Message): Language {
    return languageOf(message, on.language(message.channel));
  }

  return {
    receive: (channel, inbound) => accept(inbound, channel, accepting),
    async send(content) {
      const full = admission.full();
      if (full) throw new OverloadedError(full.text, full.retryAfterMs);
      const { segments, ...about } = content;
      const replies = makeReplies(about, segments, finishing);
      await storage.addReplies(replies);
      admission.repliesAdded(replies.length);
      outbox.notify(conversationKey(content));
      return replies.map((reply) => reply.id);
    },
    async replay(id) {
      const conversation = await storage.replay(id);
      if (conversation === null) return false;
      admission.set(await storage.counts());
      // It was a message or a reply.
      inbox.notify(conversation);
      outbox.notify(conversation);
      return true;
    },
    close: () => admission.close(),
    async start() {
      stopping = false;
      stopped = new AbortController();
      admission.open();
      inbox.consume(lookAtMessages);
      outbox.consume(lookAtReplies);
      await Promise.all([inbox.start(), outbox.start()]);
      await sweep();
      sweepLater();
    },
    async stop() {
      stopping = true;
      admission.close();
      clock.clearTimeout(sweeper);
      let limit: Timer | undefined;
      const late = new Promise<void>((resolve) => (limit = clock.setTimeout(resolve, limits.drain_timeout)));
      await Promise.race([Promise.all([inbox.stop(), outbox.stop()]), late]);
      clock.clearTimeout(limit);
      stopped.abort(new Error("the daemon stopped"));
    },
  };
}
