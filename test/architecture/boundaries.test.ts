import { describe, expect, test } from "vitest";
import { type Source, sources } from "./sources.ts";

const core = sources("src");
const channels = sources("adapters");
const skills = sources("skills");

/** From the top down. A file may import its own rank and what is below; the first prefix that fits a path decides. */
const RANKS = [
  ["src/cli/", "src/testing/", "src/index.ts"],
  ["src/http/admin-"],
  ["src/gateway.ts"],
  ["src/models/", "src/agents/", "src/workflow/", "src/memory/", "src/events/", "src/api/"],
  ["src/http/", "src/adapters/", "src/skills/", "src/cluster/"],
  ["src/pipeline.ts", "src/pipeline/"],
  ["src/guard/", "src/queue/", "src/storage/", "src/net/", "src/config/", "src/observe/"],
];

const INTERFACES = ["src/queue/queue.ts", "src/storage/storage.ts", "src/guard/guard.ts"];

describe("the direction of imports", () => {
  test("is cli → gateway → http, adapters, skills → pipeline → guard, queue, storage → types", () => {
    const upwards = (from: string, to: string) => rank(to) < rank(from);
    expect(offences(core, upwards)).toEqual([]);
  });

  test("leads from src to no adapter and no skill", () => {
    expect(offences(core, (_, to) => /^(\.\.\/)*(adapters|skills)\//.test(to) || to === "clawdbot")).toEqual([]);
  });

  test("leads from the pipeline to no store, queue or guard but their interfaces", () => {
    const pipeline = core.filter(({ path }) => path.startsWith("src/pipeline"));
    expect(offences(pipeline, (_, to) => /^src\/(queue|storage|guard)\//.test(to) && !INTERFACES.includes(to))).toEqual([]);
  });

  test("leads from production code to no test tool", () => {
    const production = [...core.filter(({ path }) => !path.startsWith("src/testing/")), ...channels, ...skills];
    expect(offences(production, (_, to) => /^(src\/testing|test)\//.test(to) || to === "clawdbot/testing")).toEqual([]);
  });

  test("leads from an adapter or a skill to clawdbot, its own files, Node.js and packages alone", () => {
    const foreign = (from: string, to: string) => {
      const own = from.split("/").slice(0, 2).join("/");
      return to.includes(".ts") ? !to.startsWith(`${own}/`) : /^clawdbot./.test(to);
    };
    expect(offences([...channels, ...skills], foreign)).toEqual([]);
  });

  test("has no cycle", () => {
    expect(cycle(new Map([...core, ...channels, ...skills].map((file) => [file.path, file])))).toEqual([]);
  });
});

function rank(path: string): number {
  const found = RANKS.findIndex((prefixes) => prefixes.some((prefix) => path.startsWith(prefix)));
  return found < 0 ? RANKS.length : found;
}

function offences(files: readonly Source[], offends: (from: string, to: string) => boolean): string[] {
  return files.flatMap(({ path, imports }) => imports.filter((to) => offends(path, to)).map((to) => `${path} → ${to}`));
}

/** The files of the first cycle that is found. */
function cycle(files: ReadonlyMap<string, Source>): string[] {
  const done = new Set<string>();
  const visit = (path: string, above: string[]): string[] => {
    if (above.includes(path)) return [...above.slice(above.indexOf(path)), path];
    if (done.has(path)) return [];
    done.add(path);
    for (const next of files.get(path)?.imports ?? []) {
      const found = visit(next, [...above, path]);
      if (found.length > 0) return found;
    }
    return [];
  };
  for (const path of files.keys()) {
    const found = visit(path, []);
    if (found.length > 0) return found;
  }
  return [];
}
