import { describe, expect, test } from "vitest";
import { createOutput, type OutputOptions } from "../../src/cli/output.ts";
import { columns, table } from "../../src/cli/table.ts";
import { readEnvironment } from "../../src/config/environment.ts";

function captured(options: Partial<OutputOptions>, terminal = false) {
  const written = { stdout: "", stderr: "" };
  const stream = (name: keyof typeof written) => ({
    isTTY: terminal,
    write(text: string) {
      written[name] += text;
    },
  });
  const out = createOutput(
    { format: "table", quiet: false, colour: undefined, ...options },
    { stdin: { isTTY: terminal }, stdout: stream("stdout"), stderr: stream("stderr") },
  );
  return { out, written };
}

describe("one document", () => {
  const value = [
    { id: "a", text: "你好" },
    { id: "b", text: "x" },
  ];

  test("as JSON is one document", async () => {
    const { out, written } = captured({ format: "json" });
    await out.document(value, () => "never");
    expect(JSON.parse(written.stdout)).toEqual(value);
  });

  test("as NDJSON has one line for each of its rows", async () => {
    const { out, written } = captured({ format: "ndjson" });
    await out.document(value, () => "never");
    expect(written.stdout).toBe('{"id":"a","text":"你好"}\n{"id":"b","text":"x"}\n');
  });

  test("as YAML can be read back", async () => {
    const { out, written } = captured({ format: "yaml" });
    await out.document(value, () => "never");
    expect(written.stdout).toBe("- id: a\n  text: 你好\n- id: b\n  text: x\n");
  });

  test("for people is what the command makes of it; no text, no empty line", async () => {
    const { out, written } = captured({});
    await out.document(value, () => "two");
    await out.document([], () => "");
    expect(written.stdout).toBe("two\n");
  });
});

test("talk goes to stderr, and nowhere when quiet", () => {
  const loud = captured({});
  loud.out.talk("hello");
  expect(loud.written).toEqual({ stdout: "", stderr: "hello\n" });
  const quiet = captured({ quiet: true });
  quiet.out.talk("hello");
  expect(quiet.written).toEqual({ stdout: "", stderr: "" });
});

describe("colours", () => {
  const isColoured = (variables: Record<string, string>, terminal: boolean) =>
    captured({ colour: readEnvironment(variables).colour }, terminal).out.paint.red("x") !== "x";

  test("are for terminals alone", () => {
    expect(isColoured({}, true)).toBe(true);
    expect(isColoured({}, false)).toBe(false);
  });

  test.each([{ NO_COLOR: "1" }, { CLICOLOR: "0" }, { TERM: "dumb" }, { FORCE_COLOR: "0" }, { NO_COLOR: "1", FORCE_COLOR: "1" }])(
    "are off with %j",
    (variables) => expect(isColoured(variables, true)).toBe(false),
  );

  test("are on in a pipe with FORCE_COLOR", () => {
    expect(isColoured({ FORCE_COLOR: "1" }, false)).toBe(true);
  });
});

test("CLAWDBOT_LANG goes before LANG", () => {
  expect(readEnvironment({ LANG: "zh_CN.UTF-8" }).language).toBe("zh");
  expect(readEnvironment({ LANG: "zh_CN.UTF-8", CLAWDBOT_LANG: "en" }).language).toBe("en");
  expect(readEnvironment({}).language).toBe("en");
});

test("a table is aligned by what a terminal shows: Chinese is two columns wide, colours none", () => {
  expect(columns("a中\u001b[31m!\u001b[39m")).toBe(4);
  expect(
    table(
      ["NAME", "STATE", "DETAIL"],
      [
        ["告警", "up", "x"],
        ["b", "down", ""],
      ],
    ),
  ).toBe("NAME  STATE  DETAIL\n告警  up     x\nb     down");
});
