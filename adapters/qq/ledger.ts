import { type Clock, errorText, type KeyValue, type Reply, UnreachableError } from "clawdbot";
import type { QqConfig } from "./config.ts";
import { targetOf } from "./target.ts";

/** A place among the replies that the platform takes to one message. */
export interface Place {
  /** The message's id, or EVENT and an event's. */
  to: string;
  /** The platform's idempotency key: it shows one reply for each. */
  seq: number;
}

/**
 * What replies may still be sent to which message. Kept in the store and written before each call, so that neither a crash nor a restart
 * gives a number away twice, and a reply that is tried again has the number that it had.
 */
export interface Ledger {
  /** Notes the newest message of a conversation: it can carry replies that come too late for an older one. */
  heard(conversation: string, id: string, at: number): void;
  /** A place for the reply, the same one each time. Undefined when no message of the conversation can be answered any more. */
  claim(reply: Reply): Promise<Place | undefined>;
  /** The platform takes no more replies to that message, whatever the ledger says: the reply's next place is elsewhere. */
  close(reply: Reply, place: Place): Promise<void>;
  /** The place's number is spoilt: the reply's next place has a new one. refund: it counts as one that was not used. */
  skip(reply: Reply, place: Place, refund: boolean): Promise<void>;
}

/** The ledger of one message, as it is stored. */
interface Row {
  nextSeq: number;
  left: number;
  until: number;
  /** The places of those replies that were made for this message. */
  places: Record<string, Place>;
}

const EVENT = "event:";
/** For what cannot be answered, such as the removal from a group. */
const NOTICE = "notice:";

/** A call begun this shortly before the end would arrive after it. */
const MARGIN_MS = 3000;
/** Rows outlive their window, since a reply whose fate is unknown asks for its place again. */
const KEEP_MS = 3_600_000;
const MOST_CONVERSATIONS = 10_000;

/** The platformId of an event, with whether the platform takes replies to it. */
export function eventId(id: string, answerable: boolean): string {
  return (answerable ? EVENT : NOTICE) + id;
}

/** The fields that make a message the reply in that place. */
export function placeFields({ to, seq }: Place): Record<string, unknown> {
  const what = to.startsWith(EVENT) ? { event_id: to.slice(EVENT.length) } : { msg_id: to };
  return { ...what, msg_seq: seq };
}

/** https://bot.q.qq.com/wiki/develop/api-v2/server-inter/message/send-receive/send.html */
export function createLedger(config: QqConfig, on: { kv: KeyValue; clock: Clock }): Ledger {
  const newest = new Map<string, { id: string; at: number }>();

  async function load(id: string, at: number | undefined, reply: Reply): Promise<Row> {
    const stored = (await on.kv.get(key(id)))?.value as Row | undefined;
    if (stored) return stored;
    const limits = config.reply_windows[targetOf(reply.conversation).scene];
    const answerable = at !== undefined && !id.startsWith(NOTICE);
    return { nextSeq: 1, left: limits.replies, until: answerable ? at + limits.window - MARGIN_MS : 0, places: {} };
  }

  async function save(id: string, row: Row): Promise<void> {
    await on.kv.set(key(id), row, { ttlMs: Math.max(0, row.until - on.clock.now()) + KEEP_MS });
  }

  function take(row: Row, id: string, keep: number): Place | undefined {
    if (row.until <= on.clock.now() || row.left <= keep) return undefined;
    row.left--;
    return { to: id, seq: row.nextSeq++ };
  }

  async function claim(reply: Reply): Promise<Place | undefined> {
    const own = ownId(reply);
    const row = await load(own, reply.askedAt, reply);
    const before = row.places[reply.id];
    if (before) return before;
    // The last reply is the final text's: what comes before it must not use it up.
    const place = take(row, own, reply.followedBy ? 1 : 0) ?? (await borrow(reply));
    if (!place) return undefined;
    row.places[reply.id] = place;
    await save(own, row);
    return place;
  }

  /** A place at a later message of the same chat, which keeps one for its own answer. */
  async function borrow(reply: Reply): Promise<Place | undefined> {
    const later = newest.get(reply.conversation.id);
    if (!later || later.id === ownId(reply)) return undefined;
    const row = await load(later.id, later.at, reply);
    const place = take(row, later.id, 1);
    if (place) await save(later.id, row);
    return place;
  }

  async function change(reply: Reply, place: Place, edit: (lender: Row) => void): Promise<void> {
    const own = ownId(reply);
    const row = await load(own, reply.askedAt, reply);
    delete row.places[reply.id];
    const lender = place.to === own ? row : await load(place.to, 0, reply);
    edit(lender);
    if (lender !== row) await save(place.to, lender);
    await save(own, row);
  }

  return {
    heard(conversation, id, at) {
      if (id.startsWith(NOTICE)) return;
      newest.delete(conversation);
      newest.set(conversation, { id, at });
      if (newest.size > MOST_CONVERSATIONS) newest.delete(newest.keys().next().value!);
    },
    claim: (reply) => orNothingSent(claim(reply)),
    close: (reply, place) =>
      orNothingSent(
        change(reply, place, (lender) => {
          lender.until = 0;
        }),
      ),
    skip: (reply, place, refund) =>
      orNothingSent(
        change(reply, place, (lender) => {
          if (refund) lender.left++;
        }),
      ),
  };
}

/** A push answers nothing: its own id stands for the message that it has not. */
function ownId(reply: Reply): string {
  return reply.replyTo ?? reply.id;
}

function key(id: string): string {
  return `ledger:${id}`;
}

/** The ledger is written before the call. */
async function orNothingSent<T>(writing: Promise<T>): Promise<T> {
  try {
    return await writing;
  } catch (error) {
    throw new UnreachableError(`the reply ledger could not be written: ${errorText(error)}`, error);
  }
}
