import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, expect, onTestFinished, test } from "vitest";
import { formatProblems } from "../../src/config/format-problems.ts";
import { ConfigError } from "../../src/config/problem.ts";
import { loadPermissions, parsePermissions, parseRateLimit } from "../../src/guard/permissions.ts";

function problemsOf(text: string, language: "zh" | "en" = "en"): string {
  try {
    parsePermissions(text, "permissions.yaml");
  } catch (error) {
    if (error instanceof ConfigError) return formatProblems(error.problems, language);
    throw error;
  }
  return "none";
}

describe("the file of the article", () => {
  const text = `skills:
  echo:
    allow_groups: [123456, 654321, -1001234567890123456]
    deny_users: [888888]
    rate_limit: 10/60s
  alert_forward:
    allow_groups: [987654]
    admin_only: true
`;

  test("is read as printed, ids with all their digits", () => {
    const { rules } = parsePermissions(text, "/etc/clawdbot/permissions.yaml");
    const echo = rules.get("echo")!;
    for (const id of ["123456", "654321", "-1001234567890123456"]) expect(echo.allowGroups!.has("telegram", id)).toBe(true);
    expect(echo.allowGroups!.has("telegram", "-1001234567890123500")).toBe(false);
    expect(echo.denyUsers!.has("qq", "888888")).toBe(true);
    expect(echo.rateLimit).toEqual({ limit: 10, windowMs: 60_000 });
    expect(echo.lines.deny_users).toBe("permissions.yaml:4 deny_users");
    expect(rules.get("alert_forward")).toMatchObject({ adminOnly: true, at: "permissions.yaml:6 alert_forward" });
  });

  test("copied without its indentation gets one message that says so", () => {
    expect(problemsOf(text.replaceAll(/^ +/gm, ""))).toMatchInlineSnapshot(`
      "permissions.yaml:3:1  allow_groups: belongs under skills: the indentation of this file was lost, as happens when copying from a web page. Put two spaces before every line that belongs to skills, two more for each further level
        3 | allow_groups: [123456, 654321, -1001234567890123456]
          | ^^^^^^^^^^^^"
    `);
  });
});

describe("a mistake", () => {
  test("in a key, a value or a name is shown with its place and what was meant, all at once", () => {
    const text = `skills:
  echo:
    alow_groups: [1]
    admin_only: yes
    rate_limit: 10 per minute
    deny_users: 888888
  Alert:
    rate_limit: 0/60s
    allow_users: [{ id: 1 }]
  empty:
skils: {}
`;
    expect(problemsOf(text)).toMatchInlineSnapshot(`
      "permissions.yaml:3:5  skills.echo.alow_groups: unknown key. Did you mean allow_groups?
        3 |     alow_groups: [1]
          |     ^^^^^^^^^^^
      permissions.yaml:4:17  skills.echo.admin_only: must be true or false
        4 |     admin_only: yes
          |                 ^^^
      permissions.yaml:5:17  skills.echo.rate_limit: must be a count and a time span, such as 10/60s or 10/min; the count at most 10000
        5 |     rate_limit: 10 per minute
          |                 ^^^^^^^^^^^^^
      permissions.yaml:6:17  skills.echo.deny_users: must be a list
        6 |     deny_users: 888888
          |                 ^^^^^^
      permissions.yaml:7:3  skills.Alert: is no skill name: use a-z, 0-9, "-", "_" and "."
        7 |   Alert:
          |   ^^^^^
      permissions.yaml:10:3  skills.empty: must be a mapping (lines of key: value below it)
        10 |   empty:
           |   ^^^^^
      permissions.yaml:11:1  skils: unknown key. Did you mean skills?
        11 | skils: {}
           | ^^^^^"
    `);
  });

  test("is told in Chinese too", () => {
    expect(problemsOf("skills:\n  echo:\n    deny_user: [1]\n", "zh")).toMatchInlineSnapshot(`
      "permissions.yaml:3:5  skills.echo.deny_user: 未知的键。是否想写 deny_users？
        3 |     deny_user: [1]
          |     ^^^^^^^^^"
    `);
  });

  test("a rule that stands there twice is refused and not merged", () => {
    expect(problemsOf("skills:\n  echo:\n    deny_users: [1]\n  echo:\n    admin_only: true\n")).toMatchInlineSnapshot(`
      "permissions.yaml:4:3  echo: stands here twice, first in line 2
        4 |   echo:
          |   ^^^^"
    `);
  });

  test("a list with nothing in it and no brackets does not open the skill to all", () => {
    expect(problemsOf("skills:\n  echo:\n    allow_groups:\n")).toContain("permissions.yaml:3:5  skills.echo.allow_groups: must be a list");
  });
});

test.each([
  ["10/60s", { limit: 10, windowMs: 60_000 }],
  ["10 / 60s", { limit: 10, windowMs: 60_000 }],
  ["10/min", { limit: 10, windowMs: 60_000 }],
  ["10/m", { limit: 10, windowMs: 60_000 }],
  ["600/h", { limit: 600, windowMs: 3_600_000 }],
  ["1/500ms", { limit: 1, windowMs: 500 }],
  ["5/1d", { limit: 5, windowMs: 86_400_000 }],
  ["10/60", undefined],
  ["10", undefined],
  ["0/60s", undefined],
  ["-1/60s", undefined],
  ["1/0s", undefined],
  ["10001/60s", undefined],
  ["1/99d", undefined],
  ["10/60s/60s", undefined],
])("rate limit %s", (text, expected) => {
  expect(parseRateLimit(text)).toEqual(expected);
});

describe("a file", () => {
  async function folder(): Promise<string> {
    const dir = await mkdtemp(join(tmpdir(), "clawdbot-permissions-"));
    onTestFinished(() => rm(dir, { recursive: true }));
    return dir;
  }

  test("that is missing, empty or all comments opens everything", async () => {
    const dir = await folder();
    expect((await loadPermissions(join(dir, "permissions.yaml"))).rules.size).toBe(0);
    for (const text of ["", "# skills:\n", "skills:\n  # echo:\n"]) {
      await writeFile(join(dir, "permissions.yaml"), text);
      expect((await loadPermissions(join(dir, "permissions.yaml"))).rules.size).toBe(0);
    }
  });

  test("that cannot be read stops the start instead of opening everything", async () => {
    const dir = await folder();
    await expect(loadPermissions(dir)).rejects.toThrow(`${dir}  cannot be read (EISDIR)`);
  });
});

test("a rule for a skill that is not loaded is only worth a warning", () => {
  const permissions = parsePermissions("skills:\n  echoo: {}\n  help: {}\n", "permissions.yaml");
  expect(formatProblems(permissions.unknownSkills(["echo", "help"]), "en")).toMatchInlineSnapshot(`
    "permissions.yaml:2:3  skills.echoo: no skill of that name is loaded. Did you mean echo?
      2 |   echoo: {}
        |   ^^^^^"
  `);
});
