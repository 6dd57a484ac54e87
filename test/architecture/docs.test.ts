import { existsSync, globSync, readFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { expect, test } from "vitest";
import { exitCodeOf } from "../../src/cli/exit-codes.ts";
import { root } from "./sources.ts";

const text = (path: string): string => readFileSync(join(root, path), "utf8");

test("docs/errors.md has a row for every error code and no other: what happened, what to do, the exit code", () => {
  const declared = [...text("src/errors.ts").matchAll(/^ {2}\| "(CLAWDBOT_ERR_\w+)"/gm)].map(([, code]) => ({
    code,
    exit: String(exitCodeOf({ code })),
  }));
  const rows = text("docs/errors.md").matchAll(/^\| `(\w+)` \| (?:[^|]+) \| (?:[^|]+) \| \w+ \| (\d+) \|$/gm);
  const described = [...rows].map(([, code, exit]) => ({ code, exit }));
  expect(described).toEqual(declared.toSorted((a, b) => (a.code! < b.code! ? -1 : 1)));
});

test("every link of a document to a file leads to one", () => {
  const documents = globSync(["*.md", "docs/**/*.md", "adapters/*/*.md", "skills/*/*.md"], { cwd: root });
  expect(documents).toContain("README.md");
  const links = documents.flatMap((path) =>
    [...text(path).matchAll(/\]\((?![a-z]+:)([^)#]+)/g)].map(([, target]) => ({ path, target: target! })),
  );
  expect(links.filter(({ path, target }) => !existsSync(join(root, dirname(path), target)))).toEqual([]);
});
