import type { AdapterContext } from "clawdbot";
import { Intake } from "./intake.ts";
import type { Link } from "./link.ts";

/** What a connection is for: https://github.com/botuniverse/onebot-11/blob/master/communication/ws-reverse.md */
export type Role = "api" | "event" | "universal";

/** How many of its own messages an account remembers, to know when one is answered. */
const MAX_OWN = 1000;

/** One bot that is logged in at a peer: what it is connected by, and what came from it. */
export class Account {
  readonly id: string;
  readonly intake: Intake;
  /** What its heartbeat says: a peer can be there while the bot is logged out. */
  isOnline = true;
  #api: Link | undefined;
  #event: Link | undefined;
  readonly #own = new Set<string>();

  constructor(id: string, context: AdapterContext) {
    this.id = id;
    this.intake = new Intake(id, context);
  }

  /** Where calls go. */
  get api(): Link | undefined {
    return this.#api;
  }

  get links(): Link[] {
    return [...new Set([this.#api, this.#event])].filter((link) => link !== undefined);
  }

  /** Puts the connection in place of the one that had its part; returns those that are of no use any more, since they may be half dead. */
  attach(link: Link, role: Role): Link[] {
    const before = this.links;
    if (role !== "event") this.#api = link;
    if (role !== "api") this.#event = link;
    return before.filter((old) => !this.links.includes(old));
  }

  detach(link: Link): void {
    if (this.#api === link) this.#api = undefined;
    if (this.#event === link) this.#event = undefined;
  }

  noteOwn(messageId: string): void {
    this.#own.add(messageId);
    if (this.#own.size > MAX_OWN) this.#own.delete(this.#own.values().next().value!);
  }

  isOwn(messageId: string): boolean {
    return this.#own.has(messageId);
  }
}
