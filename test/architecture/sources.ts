import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";

export const root = fileURLToPath(new URL("../..", import.meta.url));

export interface Source {
  /** From the project's root: "src/pipeline/run.ts". */
  path: string;
  text: string;
  /** The text with comments blanked out, lines kept. */
  code: string;
  /** What is imported, types too: "clawdbot", "node:fs", or from the root "src/clock.ts". */
  imports: string[];
}

/** The TypeScript files of a folder. */
export function sources(folder: string): Source[] {
  return readdirSync(join(root, folder), { recursive: true, encoding: "utf8" })
    .filter((name) => name.endsWith(".ts"))
    .map((name) => {
      const path = join(folder, name);
      const text = readFileSync(join(root, path), "utf8");
      const code = withoutComments(text);
      return { path, text, code, imports: importsOf(path, code) };
    });
}

/** Every place where the pattern occurs, as path:line. */
export function places(files: readonly Source[], pattern: RegExp): string[] {
  return files.flatMap(({ path, code }) =>
    code.split("\n").flatMap((line, n) => (pattern.test(line) ? [`${path}:${n + 1} ${line.trim()}`] : [])),
  );
}

function importsOf(path: string, code: string): string[] {
  const specifiers = code.matchAll(/(?:\bfrom|\bimport)\s*\(?\s*"([^"\n]+)"/g);
  return [...specifiers].map(([, specifier]) => (specifier!.startsWith(".") ? join(path, "..", specifier!) : specifier!));
}

function withoutComments(text: string): string {
  return text.replace(/^\s*\/\*[\s\S]*?\*\/|(?<=^|\s)\/\/ .*$/gm, (comment) => comment.replace(/[^\n]/g, " "));
}
