import type { Due } from "./storage.ts";

/** A message or reply that has not ended. */
export interface UnfinishedRow {
  /** Its place in the order. */
  readonly seq: number;
  readonly id: string;
  readonly conversation: string;
  /** When it came in or was made. */
  readonly at: number;
  attempts: number;
  notBefore: number;
  maybeSent: boolean;
  /** Its JSON; undefined when it is in the database only. */
  body: string | undefined;
}

/**
 * All unfinished rows of one table in memory, by conversation and in order, so that the hot path reads without asking the
 * database. It mirrors what is committed: it must be changed only by what a commit confirmed, in the order of the commits.
 */
export interface Unfinished {
  readonly size: number;
  /** Replaces everything; rows come in order. */
  reset(rows: UnfinishedRow[]): void;
  /** Puts a row at its place. Its body stays only while the budget allows. */
  add(row: UnfinishedRow): void;
  remove(id: string): void;
  retry(id: string, failure: { attempts: number; notBefore: number; maybeSent?: boolean }): void;
  /** The first rows of a conversation. */
  first(conversation: string, limit: number): UnfinishedRow[];
  /** False once the row has ended (or was replaced by a reset). */
  holds(row: UnfinishedRow): boolean;
  /** Keeps the body of a row that was read from the database. */
  keep(row: UnfinishedRow, body: string): void;
  /** Each conversation with the time of its first row: what comes after that has to wait for it. */
  due(): Due[];
  oldest(): number | null;
}

/** budget: how many characters of bodies to keep. */
export function createUnfinished(budget: number): Unfinished {
  let rows = new Map<string, UnfinishedRow>();
  let lanes = new Map<string, UnfinishedRow[]>();
  let kept = 0;

  function keep(row: UnfinishedRow, body: string | undefined): void {
    const fits = body !== undefined && kept + body.length <= budget;
    row.body = fits ? body : undefined;
    if (fits) kept += body.length;
  }

  function add(row: UnfinishedRow): void {
    keep(row, row.body);
    rows.set(row.id, row);
    const lane = lanes.get(row.conversation);
    if (lane === undefined) {
      lanes.set(row.conversation, [row]);
      return;
    }
    let place = lane.length;
    while (place > 0 && lane[place - 1]!.seq > row.seq) place--;
    if (place === lane.length) lane.push(row);
    else lane.splice(place, 0, row);
  }

  return {
    get size() {
      return rows.size;
    },
    reset(all) {
      rows = new Map();
      lanes = new Map();
      kept = 0;
      for (const row of all) add(row);
    },
    add,
    remove(id) {
      const row = rows.get(id);
      if (row === undefined) return;
      rows.delete(id);
      kept -= row.body?.length ?? 0;
      const lane = lanes.get(row.conversation)!;
      if (lane.length === 1) lanes.delete(row.conversation);
      else if (lane[0] === row) lane.shift();
      else lane.splice(lane.indexOf(row), 1);
    },
    retry(id, failure) {
      const row = rows.get(id);
      if (row === undefined) return;
      row.attempts = failure.attempts;
      row.notBefore = failure.notBefore;
      row.maybeSent ||= failure.maybeSent === true;
    },
    first: (conversation, limit) => lanes.get(conversation)?.slice(0, limit) ?? [],
    holds: (row) => rows.get(row.id) === row,
    keep(row, body) {
      if (row.body === undefined) keep(row, body);
    },
    due: () => Array.from(lanes, ([conversation, lane]) => ({ conversation, at: lane[0]!.notBefore })),
    oldest() {
      let oldest = Number.POSITIVE_INFINITY;
      for (const lane of lanes.values()) oldest = Math.min(oldest, lane[0]!.at);
      return lanes.size === 0 ? null : oldest;
    },
  };
}
