import type { Clock } from "../clock.ts";
import { conversationKey } from "../message.ts";
import type { Decision, Denial, Guard, Permit } from "./guard.ts";
import { IdSet } from "./id-set.ts";
import type { Permissions, Rule } from "./permissions.ts";
import { createRateLimiter, type RateLimiter } from "./rate-limit.ts";

type Asker = Parameters<Guard["permit"]>[0];

export interface GuardOptions {
  permissions: Permissions;
  /** `channel:id` of those who are administrators whatever their platform says. */
  admins: readonly string[];
  /** Whether a rate limit counts each user by himself or all who are in a conversation together. */
  scope: "user" | "conversation";
  clock: Pick<Clock, "monotonic">;
  /** Skills that nobody may use unless permissions.yaml names them. */
  dangerous?: Iterable<string>;
  /** Told of each decision on a use. */
  onDecision?(skill: string, decision: Decision): void;
}

export interface ReplaceableGuard extends Guard {
  /** Decides by these permissions from now on. Permits already given stay as they are; what was counted stays counted. */
  replace(permissions: Permissions): void;
  /** The decision and the line that led to it. Counts nothing and tells nobody. */
  explain(asker: Asker, skill: string): { decision: Decision; rule: string };
}

/** A rule with the state of its limit. Its denials are made once. */
interface Compiled {
  rule: Rule | undefined;
  limiter: RateLimiter | undefined;
  /** One denial per sender and conversation is told in each window. */
  announcer: RateLimiter;
  userDenied: Denial;
  userNotAllowed: Denial;
  groupNotAllowed: Denial;
  adminOnly: Denial;
  notGranted: Denial;
}

type Table = ReadonlyMap<string, Compiled>;

const ALLOWED: Decision = Object.freeze({ allowed: true });
const ANNOUNCE_WINDOW_MS = 60_000;

/**
 * Decides who may use which skill: deny_users beats everything; then allow_users, allow_groups and admin_only each have to be met;
 * then the rate limit. A skill without a rule is open to all, a dangerous one without a rule to nobody.
 */
export function createGuard(options: GuardOptions): ReplaceableGuard {
  const { clock, scope, onDecision } = options;
  const admins = new IdSet(options.admins);
  const dangerous = [...(options.dangerous ?? [])];
  let table = compile(options.permissions, dangerous);

  function judge(compiled: Compiled, { channel, sender, conversation }: Asker): Decision {
    const { rule } = compiled;
    if (!rule) return compiled.notGranted;
    if (rule.denyUsers?.has(channel, sender.id)) return compiled.userDenied;
    if (rule.allowUsers && !rule.allowUsers.has(channel, sender.id)) return compiled.userNotAllowed;
    if (rule.allowGroups && !(conversation.type === "group" && rule.allowGroups.has(channel, conversation.id)))
      return compiled.groupNotAllowed;
    if (rule.adminOnly && sender.isAdmin !== true && !admins.has(channel, sender.id)) return compiled.adminOnly;
    return ALLOWED;
  }

  function counted(asker: Asker): string {
    return scope === "user" ? `${asker.channel}:${asker.sender.id}` : conversationKey(asker);
  }

  /** What one message may do, by the table of the moment it came in. */
  class MessagePermit implements Permit {
    readonly #table = table;
    readonly #asker: Asker;
    /** When uses were counted, by skill. */
    #uses: Map<string, number> | undefined;

    constructor(asker: Asker) {
      this.#asker = asker;
    }

    may(skill: string): Decision {
      const compiled = this.#table.get(skill);
      return compiled ? judge(compiled, this.#asker) : ALLOWED;
    }

    use(skill: string): Decision {
      const decision = this.#count(skill, this.may(skill));
      onDecision?.(skill, decision);
      return decision;
    }

    refund(skill: string): void {
      const at = this.#uses?.get(skill);
      if (at === undefined) return;
      this.#table.get(skill)?.limiter?.refund(counted(this.#asker), at);
      this.#uses!.delete(skill);
    }

    announce(skill: string): boolean {
      const { announcer } = this.#table.get(skill) ?? {};
      return announcer?.take(`${conversationKey(this.#asker)}\n${this.#asker.sender.id}`, clock.monotonic()) === 0;
    }

    #count(skill: string, decision: Decision): Decision {
      const { limiter, rule } = this.#table.get(skill) ?? {};
      if (!limiter || !decision.allowed) return decision;
      const now = clock.monotonic();
      const retryAfterMs = limiter.take(counted(this.#asker), now);
      if (retryAfterMs > 0) return { allowed: false, reason: "rate_limited", rule: rule!.lines.rate_limit, retryAfterMs };
      this.#uses ??= new Map();
      this.#uses.set(skill, now);
      return decision;
    }
  }

  return {
    permit: (asker) => new MessagePermit(asker),
    replace(permissions) {
      table = compile(permissions, dangerous, table);
    },
    explain(asker, skill) {
      const compiled = table.get(skill);
      const decision = compiled ? judge(compiled, asker) : ALLOWED;
      const rule = decision.allowed ? (compiled?.rule?.at ?? "no rule: open to all") : decision.rule;
      return { decision, rule };
    },
  };
}

function compile(permissions: Permissions, dangerous: readonly string[], before?: Table): Table {
  const closed = dangerous.filter((skill) => !permissions.rules.has(skill)).map((skill) => [skill, undefined] as const);
  return new Map([...permissions.rules, ...closed].map(([skill, rule]) => [skill, compileRule(skill, rule, before?.get(skill))]));
}

function compileRule(skill: string, rule: Rule | undefined, before: Compiled | undefined): Compiled {
  const limit = rule?.rateLimit;
  const known = before?.rule?.rateLimit;
  const same = limit?.limit === known?.limit && limit?.windowMs === known?.windowMs;
  const denial = (reason: Denial["reason"], by: string): Denial => Object.freeze({ allowed: false, reason, rule: by });
  return {
    rule,
    limiter: same && before ? before.limiter : limit && createRateLimiter(limit),
    announcer: same && before ? before.announcer : createRateLimiter({ limit: 1, windowMs: limit?.windowMs ?? ANNOUNCE_WINDOW_MS }),
    userDenied: denial("user_denied", rule?.lines.deny_users ?? ""),
    userNotAllowed: denial("user_denied", rule?.lines.allow_users ?? ""),
    groupNotAllowed: denial("group_not_allowed", rule?.lines.allow_groups ?? ""),
    adminOnly: denial("admin_only", rule?.lines.admin_only ?? ""),
    notGranted: denial("not_granted", `permissions.yaml: no rule for ${skill}`),
  };
}
