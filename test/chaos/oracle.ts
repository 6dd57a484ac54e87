/**
 * The one judge of every crash test. Tests tell it what they saw from outside the daemon (what was offered, what was acknowledged,
 * what reached the platform, when the daemon was killed); `verdict` says whether the promises of docs/reliability.md held.
 *
 * It must never be told what a test believes the daemon did: only what a user, a platform or the operating system can see.
 */
export interface Oracle {
  /** A user of the platform wrote. `text` is unique in its conversation, and is also what the answer must say. */
  offered(exchange: Exchange): void;
  /** The daemon told the platform "received". Only the first time counts, but every time may be told. */
  acked(exchange: Exchange): void;
  /** The daemon did not say "received", after all the platform's retries. answers: what it said instead, */
  refused(exchange: Exchange, answers: readonly (number | string)[]): void;
  /** A reply reached the platform. suppressed: its idempotency key kept it from being shown a second time. */
  sent(reply: Exchange & { suppressed: boolean }): void;
  /** A daemon was started. */
  started(): void;
  /** The daemon is being ended at an arbitrary instruction. */
  killed(): void;
  /** The daemon ended by itself, as asked. */
  stopped(): void;
  /** Acknowledged messages whose answer no user has seen yet. */
  unanswered(): Exchange[];
  verdict(): Verdict;
  readonly log: readonly Entry[];
}

export interface Exchange {
  channel: string;
  conversation: string;
  text: string;
}

export interface Entry extends Partial<Exchange> {
  /** Position in the log: one more for each entry. */
  seq: number;
  /** ms since the log began. */
  at: number;
  event: "offered" | "acked" | "refused" | "sent" | "suppressed" | "started" | "killed" | "stopped";
  note?: string;
}

export interface Offence {
  what: "lost" | "reordered" | "duplicate" | "unasked";
  exchange: Exchange;
  /** What happened to it, and to the daemon meanwhile, one line each. */
  history: string[];
}

export interface Verdict {
  ok: boolean;
  acked: number;
  refused: number;
  kills: number;
  lost: number;
  reordered: number;
  /** Replies that a user saw again. */
  duplicates: number;
  /** Those of them that were in flight when the daemon was killed. */
  inFlight: number;
  /** Replies that arrived again and that the platform's idempotency key kept from being seen. */
  suppressed: number;
  offences: Offence[];
  /** `acked N lost 0 reordered 0 duplicates D (in flight D)` */
  summary: string;
}

type Arrival = Entry & Exchange;

export function createOracle(now: () => number = () => performance.now()): Oracle {
  const log: Entry[] = [];
  const began = now();
  const ackedNow = new Map<string, Exchange>();
  const seen = new Set<string>();

  function note(event: Entry["event"], exchange?: Exchange, text?: string): void {
    const entry: Entry = { seq: log.length, at: now() - began, event };
    if (exchange) Object.assign(entry, { channel: exchange.channel, conversation: exchange.conversation, text: exchange.text });
    if (text !== undefined) entry.note = text;
    log.push(entry);
  }

  return {
    log,
    offered: (exchange) => note("offered", exchange),
    acked(exchange) {
      note("acked", exchange);
      if (!seen.has(keyOf(exchange))) ackedNow.set(keyOf(exchange), exchange);
    },
    refused: (exchange, answers) => note("refused", exchange, [...new Set(answers)].join(" ")),
    sent(reply) {
      note(reply.suppressed ? "suppressed" : "sent", reply);
      if (reply.suppressed) return;
      seen.add(keyOf(reply));
      ackedNow.delete(keyOf(reply));
    },
    started: () => note("started"),
    killed: () => note("killed"),
    stopped: () => note("stopped"),
    unanswered: () => [...ackedNow.values()],
    verdict: () => judge(log),
  };
}

/** Judges a whole log; reads nothing else. */
function judge(log: readonly Entry[]): Verdict {
  const offered = new Set<string>();
  const acks = new Map<string, Arrival>();
  const arrivals = new Map<string, Arrival[]>();
  for (const entry of log) {
    if (!hasExchange(entry)) continue;
    const key = keyOf(entry);
    if (entry.event === "offered") offered.add(key);
    if (entry.event === "acked" && !acks.has(key)) acks.set(key, entry);
    if (entry.event === "sent" || entry.event === "suppressed") listIn(arrivals, conversationOf(entry)).push(entry);
  }
  const offences: Offence[] = [];
  const condemn = (what: Offence["what"], entry: Arrival) => offences.push({ what, exchange: entry, history: historyOf(entry, log) });

  const answered = new Set([...arrivals.values()].flat().flatMap((entry) => (entry.event === "sent" ? [keyOf(entry)] : [])));
  const crashes = startsAfterKill(log);
  let duplicates = 0;
  let inFlight = 0;
  let suppressed = 0;

  for (const [key, entry] of acks) if (!answered.has(key)) condemn("lost", entry);
  for (const inConversation of arrivals.values()) {
    for (const entry of inConversation) if (!offered.has(keyOf(entry))) condemn("unasked", entry);
    for (const entry of outOfOrder(inConversation, acks)) condemn("reordered", entry);
    for (const { again, explained } of repeated(inConversation, crashes)) {
      if (again.event === "suppressed") suppressed++;
      else duplicates++;
      if (!explained) condemn("duplicate", again);
      else if (again.event === "sent") inFlight++;
    }
  }
  const count = (what: Offence["what"]) => offences.filter((offence) => offence.what === what).length;
  const lost = count("lost");
  const reordered = count("reordered");
  return {
    ok: offences.length === 0,
    acked: acks.size,
    refused: log.filter((entry) => entry.event === "refused").length,
    kills: log.filter((entry) => entry.event === "killed").length,
    lost,
    reordered,
    duplicates,
    inFlight,
    suppressed,
    offences,
    summary: `acked ${acks.size} lost ${lost} reordered ${reordered} duplicates ${duplicates} (in flight ${inFlight})`,
  };
}

/**
 * Acknowledged messages whose answer was first seen after the answer to a later one. Each user waits for one acknowledgement before
 * writing again, so the order of first acknowledgements is the order of the conversation.
 */
function outOfOrder(inConversation: readonly Arrival[], acks: ReadonlyMap<string, Arrival>): Arrival[] {
  const late: Arrival[] = [];
  const seen = new Set<string>();
  let latest = -1;
  for (const entry of inConversation) {
    const key = keyOf(entry);
    const ack = acks.get(key);
    if (!ack || entry.event !== "sent" || seen.has(key)) continue;
    seen.add(key);
    if (ack.seq < latest) late.push(entry);
    latest = Math.max(latest, ack.seq);
  }
  return late;
}

/**
 * Second and further arrivals of one reply. One is explained when the arrival before it was in flight at a kill: nothing else of the
 * conversation arrived between the two (any later reply would prove that the daemon had noted the first, since it sends the replies
 * of a conversation one after the other), and a daemon was started after a kill between them. A gap between neighbours explains one
 * repetition, so that there is at most one for each conversation and kill.
 */
function repeated(inConversation: readonly Arrival[], crashes: readonly number[]): { again: Arrival; explained: boolean }[] {
  const seen = new Set<string>();
  return inConversation.flatMap((again, index) => {
    if (!seen.has(keyOf(again))) {
      seen.add(keyOf(again));
      return [];
    }
    const before = inConversation[index - 1]!;
    const explained = before.text === again.text && crashes.some((crash) => before.seq < crash && crash < again.seq);
    return [{ again, explained }];
  });
}

/** Where a daemon was started that follows a killed one. Until then, what the killed one had sent may still arrive. */
function startsAfterKill(log: readonly Entry[]): number[] {
  const starts: number[] = [];
  let killed = false;
  for (const { event, seq } of log) {
    if (event === "killed") killed = true;
    if (event === "stopped") killed = false;
    if (event === "started" && killed) starts.push(seq);
  }
  return starts;
}

function historyOf(exchange: Exchange, log: readonly Entry[]): string[] {
  const key = keyOf(exchange);
  const own = log.filter((entry) => hasExchange(entry) && keyOf(entry) === key);
  const first = own[0]?.seq ?? 0;
  const last = own.at(-1)?.seq ?? 0;
  const around = log.filter(
    (entry) => (hasExchange(entry) && keyOf(entry) === key) || (!hasExchange(entry) && entry.seq > first && entry.seq < last),
  );
  return around.map(({ seq, at, event, note }) => `#${seq} ${at.toFixed(0)} ms ${event}${note ? ` (${note})` : ""}`);
}

function hasExchange(entry: Entry): entry is Arrival {
  return entry.text !== undefined;
}

function conversationOf(exchange: Exchange): string {
  return `${exchange.channel} ${exchange.conversation}`;
}

function keyOf(exchange: Exchange): string {
  return `${conversationOf(exchange)} ${exchange.text}`;
}

function listIn<T>(map: Map<string, T[]>, key: string): T[] {
  const list = map.get(key) ?? [];
  map.set(key, list);
  return list;
}
