import type { AdapterContext } from "clawdbot";
import type { WebSocket } from "ws";
import { Account, type Role } from "./accounts.ts";
import type { Fields } from "./frames.ts";
import { idOf, isAccountId } from "./ids.ts";
import { CLOSE, Link } from "./link.ts";
import { normalise } from "./normalise.ts";

/** More bots than anybody runs; fewer than a broken peer could make up. */
const MAX_ACCOUNTS = 200;

export interface PeersParts {
  context: AdapterContext;
  pingInterval: number;
  /** Who is connected has changed. */
  changed(): void;
}

/** All open connections, and the accounts that they belong to. */
export class Peers {
  readonly #on: PeersParts;
  readonly #accounts = new Map<string, Account>();
  readonly #links = new Map<Link, Account | undefined>();
  readonly #warnedOf = new WeakSet<Link>();
  /** Not all that came on these could be kept: their pings are not answered any more. */
  readonly #lossy = new WeakSet<Link>();

  constructor(on: PeersParts) {
    this.#on = on;
  }

  /** The accounts that are connected. */
  get connected(): Account[] {
    return [...this.#accounts.values()].filter((account) => account.links.length > 0);
  }

  account(id: string): Account | undefined {
    return this.#accounts.get(id);
  }

  /** Whether another connection of that account can be served. */
  hasRoom(account: string): boolean {
    return this.#accounts.has(account) || this.#accounts.size < MAX_ACCOUNTS || this.#idle() !== undefined;
  }

  /** Serves a connection; without an account it is that of the first event. Resolves when it has ended, with why. */
  serve(socket: WebSocket, login?: { account: string; role: Role }): Promise<string> {
    return new Promise((ended) => {
      const link = new Link({
        socket,
        context: this.#on.context,
        pingInterval: this.#on.pingInterval,
        onEvent: (from, event, text) => this.#hear(from, event, text),
        onPing: (from, pong) => {
          const answer = () => this.#lossy.has(from) || pong();
          const intake = this.#links.get(from)?.intake;
          if (intake) intake.mark(answer);
          else answer();
        },
        onClose: (closed) => {
          this.#forget(closed);
          ended(closed.refusal ?? "the peer ended the connection");
        },
      });
      this.#links.set(link, undefined);
      link.open();
      if (login) this.#attach(link, login.account, login.role);
    });
  }

  async stop(): Promise<void> {
    await Promise.all([...this.#links.keys()].map((link) => link.close(CLOSE.restart, "the daemon is stopping")));
    for (const { intake } of this.#accounts.values()) intake.stop();
    this.#accounts.clear();
  }

  #attach(link: Link, id: string, role: Role): Account {
    let account = this.#accounts.get(id);
    if (!account) {
      if (this.#accounts.size >= MAX_ACCOUNTS) this.#accounts.delete(this.#idle()?.id ?? "");
      account = new Account(id, this.#on.context);
      this.#accounts.set(id, account);
    }
    this.#links.set(link, account);
    for (const old of account.attach(link, role)) {
      this.#on.context.log.warn("a newer connection takes the place of an older one", { account: id });
      void old.close(CLOSE.policy, "replaced by a newer connection");
    }
    this.#on.context.log.info("peer connected", { account: id, role });
    this.#on.changed();
    return account;
  }

  #forget(link: Link): void {
    const account = this.#links.get(link);
    this.#links.delete(link);
    account?.detach(link);
    if (account?.links.length === 0) this.#on.context.log.info("peer gone", { account: account.id });
    this.#on.changed();
  }

  /** An account that could be forgotten. */
  #idle(): Account | undefined {
    return [...this.#accounts.values()].find(({ links, intake }) => links.length === 0 && intake.isEmpty);
  }

  #hear(link: Link, event: Fields, text: string): void {
    const { log } = this.#on.context;
    const self = idOf(event.self_id);
    let account = this.#links.get(link);
    if (!account && self !== undefined && isAccountId(self) && this.hasRoom(self)) account = this.#attach(link, self, "universal");
    // One connection speaks for one account.
    if (!account || self !== account.id) {
      // Once for each connection: a peer may bring every event of several accounts on one.
      if (!this.#warnedOf.has(link)) log.warn("events of another account are dropped", { account: account?.id ?? "" });
      this.#warnedOf.add(link);
    } else if (event.post_type === "meta_event") this.#status(account, event);
    else this.#take(link, account, event, text);
  }

  #take(link: Link, account: Account, event: Fields, text: string): void {
    const now = this.#on.context.clock.now();
    const message = normalise({ event, text, account: account.id, now, isOwn: (id) => account.isOwn(id) });
    // The connection stays: its calls deliver the replies that may be what the store has no room for.
    if (message && !account.intake.take(message, text.length)) this.#lossy.add(link);
  }

  /** https://github.com/botuniverse/onebot-11/blob/master/event/meta.md */
  #status(account: Account, { status }: Fields): void {
    const online = (status as { online?: unknown } | undefined)?.online;
    if (typeof online !== "boolean" || online === account.isOnline) return;
    account.isOnline = online;
    this.#on.changed();
  }
}
