import { readFileSync } from "node:fs";
import { expect, test } from "vitest";

const DOCUMENT = new URL("../../docs/reliability.md", import.meta.url);

/** `"name of a test", "another one" — [label](../test/file.test.ts)` */
const PROOF = /((?:"[^"]+"(?:, )?)+) — \[[^\]]+\]\(([^)]+)\)/g;

test("every promise of docs/reliability.md is proved by tests that exist under the names given there", () => {
  const rows = readFileSync(DOCUMENT, "utf8").match(/^\| P\d .*$/gm)!;
  expect(rows.map((row) => row.slice(2, 4))).toEqual(["P1", "P2", "P3", "P4", "P5", "P6", "P7", "P8", "P9"]);
  const proofs = rows.map((row) =>
    Array.from(row.matchAll(PROOF), ([, names, file]) => ({ names: names!.match(/[^"]{3,}/g)!, file: file! })),
  );
  expect(proofs.filter((of) => of.length === 0)).toEqual([]);
  const missing = proofs.flat().flatMap(({ names, file }) => {
    const source = readFileSync(new URL(file, DOCUMENT), "utf8");
    return names.filter((name) => !source.includes(name)).map((name) => `${file}: ${name}`);
  });
  expect(missing).toEqual([]);
});
