import { readdirSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { places, root, type Source, sources } from "./sources.ts";

const core = sources("src");
const outer = [...sources("adapters"), ...sources("skills")];
const all = [...core, ...outer];
const outside = (...prefixes: string[]) => all.filter(({ path }) => !prefixes.some((prefix) => path.startsWith(prefix)));

describe("what may happen in one place only", () => {
  test("the environment is read in src/config", () => {
    expect(places(outside("src/config/"), /\bprocess\.env\b/)).toEqual([]);
  });

  test("something is printed in src/cli", () => {
    expect(places(outside("src/cli/"), /\bconsole\.|\bprocess\.(stdout|stderr)\b/)).toEqual([]);
  });

  test("time and chance come from src/clock.ts", () => {
    const direct =
      /\bDate\.now\b|\bnew Date\(\)|\bperformance\.now\b|\bprocess\.hrtime\b|\bMath\.random\b|(?<![.\w])(setTimeout|setInterval)\(/;
    expect(places(outside("src/clock.ts", "src/testing/"), direct)).toEqual([]);
  });

  test("calls leave the machine through src/net", () => {
    const direct = /(?<![.\w])fetch\((?!\w+: )|\bhttps?\.(request|get)\(|from "undici"|from "node:https"/;
    expect(places(outside("src/net/"), direct)).toEqual([]);
  });
});

test("the core knows no channel by name", () => {
  const names = readdirSync(join(root, "adapters"), { withFileTypes: true }).filter((entry) => entry.isDirectory());
  const literal = new RegExp(`["'\`](${names.map(({ name }) => name).join("|")})["'\`]`);
  // An import's specifier is a package.
  const others = /\bfrom "[^"]+"/g;
  const found = core.map((file) => ({ ...file, code: file.code.replace(others, "") }));
  expect(places(found, literal)).toEqual([]);
});

test("a file can be read in one sitting", () => {
  const files: Source[] = [...all, ...sources("test"), ...sources("bench")];
  const long = files.map(({ path, text }) => ({ path, lines: text.split("\n").length - 1 })).filter(({ lines }) => lines > 400);
  for (const { path, lines } of long) console.warn(`${path} has ${lines} lines: what is its second idea?`);
  expect(long.filter(({ lines }) => lines > 500)).toEqual([]);
});
