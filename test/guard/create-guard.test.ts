import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { stringify } from "yaml";
import { createGuard, type GuardOptions } from "../../src/guard/create-guard.ts";
import type { Decision } from "../../src/guard/guard.ts";
import { parsePermissions } from "../../src/guard/permissions.ts";
import { fakeClock } from "../../src/testing/fake-clock.ts";

type Asker = Parameters<ReturnType<typeof createGuard>["permit"]>[0];

function asker(of: { user?: string; group?: string; channel?: string; isAdmin?: boolean } = {}): Asker {
  const { user = "u1", group, channel = "qq", isAdmin } = of;
  return {
    channel,
    account: "default",
    sender: { id: user, ...(isAdmin !== undefined && { isAdmin }) },
    conversation: group === undefined ? { id: `direct-${user}`, type: "direct" } : { id: group, type: "group" },
  };
}

function setup(permissions: string, options: Partial<GuardOptions> = {}) {
  const clock = fakeClock();
  return {
    clock,
    guard: createGuard({ permissions: parsePermissions(permissions, "permissions.yaml"), admins: [], scope: "user", clock, ...options }),
  };
}

const article = `skills:
  echo:
    allow_groups: [123456, 654321]
    deny_users: [888888]
    rate_limit: 10/60s
  alert_forward:
    allow_groups: [987654]
    admin_only: true
`;

describe("the file of the article", () => {
  test("a denied user is denied in an allowed group, and the line is named", () => {
    const { guard } = setup(article);
    expect(guard.permit(asker({ user: "888888", group: "123456", isAdmin: true })).use("echo")).toEqual({
      allowed: false,
      reason: "user_denied",
      rule: "permissions.yaml:4 deny_users",
    });
  });

  test("a group that is not listed and a private chat are denied", () => {
    const { guard } = setup(article);
    for (const from of [asker({ group: "111" }), asker(), asker({ user: "123456" })]) {
      expect(guard.permit(from).may("echo")).toMatchObject({ reason: "group_not_allowed", rule: "permissions.yaml:3 allow_groups" });
    }
    expect(guard.permit({ ...asker(), conversation: { id: "123456", type: "direct" } }).may("echo")).toMatchObject({
      reason: "group_not_allowed",
    });
  });

  test("the eleventh use in 60 s is denied with the time to wait, in whatever group the user asks", async () => {
    const { guard, clock } = setup(article);
    for (let n = 0; n < 10; n++) {
      expect(guard.permit(asker({ group: n % 2 ? "123456" : "654321" })).use("echo").allowed).toBe(true);
      await clock.advance(1000);
    }
    const denied: Decision = { allowed: false, reason: "rate_limited", rule: "permissions.yaml:5 rate_limit", retryAfterMs: 50_000 };
    expect(guard.permit(asker({ group: "123456" })).use("echo")).toEqual(denied);
    expect(guard.permit(asker({ group: "123456" })).may("echo").allowed).toBe(true);
    expect(guard.permit(asker({ user: "u2", group: "123456" })).use("echo").allowed).toBe(true);
    await clock.advance(50_000);
    expect(guard.permit(asker({ group: "123456" })).use("echo").allowed).toBe(true);
  });

  test("admin_only needs an administrator and the group", () => {
    const { guard } = setup(article, { admins: ["qq:boss"] });
    const use = (of: Parameters<typeof asker>[0]) => guard.permit(asker(of)).use("alert_forward");
    expect(use({ group: "987654" })).toMatchObject({ reason: "admin_only", rule: "permissions.yaml:8 admin_only" });
    expect(use({ group: "987654", isAdmin: false })).toMatchObject({ reason: "admin_only" });
    expect(use({ group: "1", isAdmin: true })).toMatchObject({ reason: "group_not_allowed" });
    expect(use({ user: "boss", group: "987654", channel: "telegram" })).toMatchObject({ reason: "admin_only" });
    expect(use({ group: "987654", isAdmin: true })).toEqual({ allowed: true });
    expect(use({ user: "boss", group: "987654" })).toEqual({ allowed: true });
  });
});

/** The rules once more, as slowly and plainly as they are written in the documentation. */
function oracle(rules: Record<string, Line>, admins: string[], dangerous: string[], from: Asker, skill: string): string {
  const line = Object.hasOwn(rules, skill) ? rules[skill] : undefined;
  if (!line) return dangerous.includes(skill) ? "not_granted" : "allowed";
  const lists = (ids: string[], id: string) =>
    ids.some((listed) => (listed.includes(":") ? listed === `${from.channel}:${id}` : listed === id));
  if (line.deny_users && lists(line.deny_users, from.sender.id)) return "user_denied";
  if (line.allow_users && !lists(line.allow_users, from.sender.id)) return "user_denied";
  if (line.allow_groups && (from.conversation.type !== "group" || !lists(line.allow_groups, from.conversation.id)))
    return "group_not_allowed";
  const isAdmin = from.sender.isAdmin === true || admins.includes(`${from.channel}:${from.sender.id}`);
  if (line.admin_only && !isAdmin) return "admin_only";
  return "allowed";
}

interface Line {
  allow_groups?: string[];
  allow_users?: string[];
  deny_users?: string[];
  admin_only?: boolean;
}

describe("any rules and any asker", () => {
  const channel = fc.constantFrom("qq", "telegram");
  const id = fc.constantFrom("1", "2", "-1001234567890123456", "__proto__", "constructor", "a:b");
  const listed = fc.oneof(
    id,
    fc.tuple(channel, id).map((parts) => parts.join(":")),
  );
  const ids = fc.array(listed, { maxLength: 3 });
  const line = fc.record({ allow_groups: ids, allow_users: ids, deny_users: ids, admin_only: fc.boolean() }, { requiredKeys: [] });
  const skill = fc.constantFrom("echo", "system.shell", "constructor", "other");
  const rules = fc.dictionary(skill, line, { maxKeys: 3 });
  const from = fc.record({
    channel,
    account: fc.constant("default"),
    sender: fc.record({ id, isAdmin: fc.boolean() }, { requiredKeys: ["id"] }),
    conversation: fc.record({ id, type: fc.constantFrom("direct" as const, "group" as const) }),
  });
  const admin = fc.tuple(channel, id).map((parts) => parts.join(":"));

  test("are decided as the rules say, by use, may and explain alike", () => {
    fc.assert(
      fc.property(
        rules,
        fc.array(admin, { maxLength: 2 }),
        fc.array(skill, { maxLength: 2 }),
        from,
        skill,
        (lines, admins, dangerous, who, what) => {
          const { guard } = setup(stringify({ skills: lines }), { admins, dangerous });
          const expected = oracle(lines, admins, dangerous, who, what);
          const permit = guard.permit(who);
          for (const decision of [permit.may(what), permit.use(what), guard.explain(who, what).decision]) {
            expect(decision.allowed ? "allowed" : decision.reason).toBe(expected);
          }
        },
      ),
      { numRuns: 3000 },
    );
  });
});

describe("a name with a colon", () => {
  test("cannot be chosen on one channel to pass for a user of another", () => {
    const { guard } = setup('skills:\n  echo:\n    allow_users: ["dingtalk:user42"]\n');
    expect(guard.permit(asker({ channel: "dingtalk", user: "user42" })).may("echo").allowed).toBe(true);
    expect(guard.permit(asker({ channel: "websocket", user: "dingtalk:user42" })).may("echo").allowed).toBe(false);
    expect(guard.permit(asker({ channel: "websocket", user: "user42" })).may("echo").allowed).toBe(false);
  });
});

describe("a skill without a rule", () => {
  test("is open, unless it is dangerous: then it is closed until the file names it", () => {
    const { guard } = setup("skills: {}", { dangerous: ["system.shell"] });
    expect(guard.permit(asker()).use("echo")).toEqual({ allowed: true });
    expect(guard.permit(asker({ isAdmin: true })).use("system.shell")).toEqual({
      allowed: false,
      reason: "not_granted",
      rule: "permissions.yaml: no rule for system.shell",
    });
    guard.replace(parsePermissions("skills:\n  system.shell:\n    admin_only: true\n", "permissions.yaml"));
    expect(guard.permit(asker({ isAdmin: true })).use("system.shell")).toEqual({ allowed: true });
  });
});

describe("a rate limit", () => {
  const limited = "skills:\n  echo:\n    rate_limit: 1/60s\n";

  test("counts a conversation as one where the scope says so", () => {
    const { guard } = setup(limited, { scope: "conversation" });
    expect(guard.permit(asker({ user: "a", group: "g" })).use("echo").allowed).toBe(true);
    expect(guard.permit(asker({ user: "b", group: "g" })).use("echo").allowed).toBe(false);
    expect(guard.permit(asker({ user: "a", group: "h" })).use("echo").allowed).toBe(true);
  });

  test("does not count a use that was refunded, once", () => {
    const { guard } = setup(limited);
    const permit = guard.permit(asker());
    permit.use("echo");
    permit.refund("echo");
    expect(guard.permit(asker()).use("echo").allowed).toBe(true);
    permit.refund("echo");
    expect(guard.permit(asker()).use("echo").allowed).toBe(false);
  });

  test("is not spent by denied uses", () => {
    const { guard } = setup("skills:\n  echo:\n    rate_limit: 1/60s\n    admin_only: true\n");
    expect(guard.permit(asker()).use("echo").allowed).toBe(false);
    expect(guard.permit(asker({ isAdmin: true })).use("echo").allowed).toBe(true);
  });

  test("keeps its count over a reload that leaves it as it was, and starts anew when it changed", () => {
    const { guard } = setup(limited);
    guard.permit(asker()).use("echo");
    guard.replace(parsePermissions(`${limited}    deny_users: [u9]\n`, "permissions.yaml"));
    expect(guard.permit(asker()).use("echo")).toMatchObject({ reason: "rate_limited" });
    expect(guard.permit(asker({ user: "u9" })).use("echo")).toMatchObject({ reason: "user_denied" });
    guard.replace(parsePermissions(limited.replace("1/60s", "2/60s"), "permissions.yaml"));
    expect(guard.permit(asker()).use("echo").allowed).toBe(true);
  });
});

describe("a reload", () => {
  test("does not change a permit that was already given", () => {
    const { guard } = setup("skills: {}");
    const before = guard.permit(asker());
    guard.replace(parsePermissions("skills:\n  echo:\n    deny_users: [u1]\n", "permissions.yaml"));
    expect(before.may("echo").allowed).toBe(true);
    expect(guard.permit(asker()).may("echo").allowed).toBe(false);
  });
});

describe("a denial", () => {
  function announced(guard: ReturnType<typeof createGuard>, from: Asker): boolean {
    const permit = guard.permit(from);
    const decision = permit.use("echo");
    return !decision.allowed && permit.announce("echo", decision);
  }

  test("is told once a minute to each sender in each conversation", async () => {
    const { guard, clock } = setup("skills:\n  echo:\n    admin_only: true\n");
    expect(announced(guard, asker({ group: "g" }))).toBe(true);
    expect(announced(guard, asker({ group: "g" }))).toBe(false);
    expect(announced(guard, asker({ group: "h" }))).toBe(true);
    expect(announced(guard, asker({ user: "u2", group: "g" }))).toBe(true);
    await clock.advance(59_999);
    expect(announced(guard, asker({ group: "g" }))).toBe(false);
    await clock.advance(1);
    expect(announced(guard, asker({ group: "g" }))).toBe(true);
  });

  test("of a rate limit is told once per window of that limit", async () => {
    const { guard, clock } = setup("skills:\n  echo:\n    rate_limit: 1/10m\n");
    expect(guard.permit(asker()).use("echo").allowed).toBe(true);
    expect(announced(guard, asker())).toBe(true);
    await clock.advance(599_999);
    expect(announced(guard, asker())).toBe(false);
  });
});

test("decisions on uses are reported, questions are not", () => {
  const decisions: unknown[] = [];
  const { guard } = setup("skills:\n  echo:\n    deny_users: [u1]\n", {
    onDecision: (skill, { allowed }) => decisions.push([skill, allowed]),
  });
  const permit = guard.permit(asker());
  permit.may("echo");
  permit.use("echo");
  permit.use("help");
  expect(decisions).toEqual([
    ["echo", false],
    ["help", true],
  ]);
});

test("explain names the deciding line and counts nothing", () => {
  const { guard } = setup(article.replace("10/60s", "1/60s"));
  for (let n = 0; n < 3; n++) {
    expect(guard.explain(asker({ group: "123456" }), "echo")).toEqual({ decision: { allowed: true }, rule: "permissions.yaml:2 echo" });
  }
  expect(guard.explain(asker(), "echo").rule).toBe("permissions.yaml:3 allow_groups");
  expect(guard.explain(asker(), "help").rule).toBe("no rule: open to all");
});
