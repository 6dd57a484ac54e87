import type { z } from "zod";
import type { Locator } from "./check.ts";
import type { Override } from "./overrides.ts";
import { type Problem, placeText, type Where } from "./problem.ts";
import type { Origin } from "./settings.ts";
import { childOf, fieldsOf } from "./shape.ts";
import type { YamlFile } from "./yaml-file.ts";

type Path = readonly string[];
type Mapping = Record<string, unknown>;

/** One top-level key of one file. */
interface Contribution {
  /** The key as written: the section's name or an alias of it. */
  written: string;
  file: YamlFile;
  value: unknown;
}

/** All files and overrides merged into one value that knows where each of its parts was set. Sections go by their own names, not by aliases. */
export interface ConfigTree extends Locator {
  value: Mapping;
  problems: Problem[];
  /** The name under which a section was written. */
  writtenAs(section: string): string | undefined;
  origin(path: Path): Origin;
}

export function createConfigTree(
  schema: z.ZodType,
  files: readonly YamlFile[],
  overrides: readonly Override[],
  sectionOf: (topLevelKey: string) => string,
): ConfigTree {
  const problems: Problem[] = [];
  const sections = new Map<string, Contribution[]>();
  const set = overrides.map((override) => ({ ...override, path: [sectionOf(override.path[0]!), ...override.path.slice(1)] }));

  for (const file of files) {
    if (!isMapping(file.value)) {
      if (file.value !== null) problems.push({ at: file.place([], "value") ?? file.file, path: "", ...NOT_A_MAPPING });
      continue;
    }
    for (const [written, value] of Object.entries(file.value)) {
      const section = sectionOf(written);
      const known = sections.get(section) ?? [];
      sections.set(section, known);
      const twice = known.find((contribution) => contribution.written === written);
      if (twice) problems.push(setTwice(file.place([written], "key"), written, twice.file.place([written], "key")));
      else known.push({ written, file, value });
    }
  }

  const merged: Mapping = {};
  for (const [section, contributions] of sections) define(merged, section, merge(contributions));
  for (const { path, value } of set) setIn(merged, path, value);

  /** A section that is written under two names is one section; the same key in both is a mistake. */
  function merge(contributions: readonly Contribution[]): unknown {
    if (contributions.length === 1) return contributions[0]!.value;
    const merged: Mapping = {};
    for (const { written, file, value: part } of contributions) {
      if (!isMapping(part)) continue;
      for (const [key, inner] of Object.entries(part)) {
        const owner = contributions.find((one) => isMapping(one.value) && Object.hasOwn(one.value, key))!;
        if (owner.written !== written)
          problems.push(setTwice(file.place([written, key], "key"), `${written}.${key}`, owner.file.place([owner.written, key], "key")));
        else define(merged, key, inner);
      }
    }
    return merged;
  }

  function overriding(path: Path): (typeof set)[number] | undefined {
    return set.findLast((override) => override.path.every((key, index) => path[index] === key));
  }

  /** The longest part of the path that a file has, with who wrote it. */
  function nearest(path: Path): { contribution: Contribution; depth: number } | undefined {
    let best: { contribution: Contribution; depth: number } | undefined;
    for (const contribution of sections.get(path[0] ?? "") ?? []) {
      let depth = path.length;
      while (depth > 0 && !contribution.file.place([contribution.written, ...path.slice(1, depth)], "key")) depth--;
      if (depth > (best?.depth ?? 0)) best = { contribution, depth };
    }
    return best;
  }

  function placed(path: Path, of: "key" | "value"): Where {
    const found = nearest(path);
    if (!found)
      return (
        set.find(({ path: longer }) => path.every((key, index) => longer[index] === key)) ?? set.find((one) => one.path[0] === path[0])
      )?.setBy;
    const { contribution, depth } = found;
    return contribution.file.place([contribution.written, ...path.slice(1, depth)], depth === path.length ? of : "key");
  }

  return {
    value: withoutNulls(merged, schema) as Mapping,
    problems,
    writtenAs: (section) => sections.get(section)?.[0]?.written,
    where: (path, of) => overriding(path)?.setBy ?? placed(path, of),
    text(path) {
      const override = overriding(path);
      if (override) return override.path.length === path.length ? override.text : undefined;
      const found = nearest(path);
      return found?.depth === path.length ? found.contribution.file.text([found.contribution.written, ...path.slice(1)]) : undefined;
    },
    name: (path) => [nearest(path)?.contribution.written ?? path[0], ...path.slice(1)].join("."),
    origin(path) {
      const override = overriding(path);
      if (override) return override.setBy;
      return nearest(path)?.depth === path.length ? placeText(placed(path, "key")) : "default";
    },
  };
}

const NOT_A_MAPPING = {
  message: { en: "is not a list of sections", zh: "不是由各节组成的配置" },
  hint: { en: "A configuration file has lines such as server: at the left margin", zh: "配置文件的最左边应是 server: 这样的行" },
};

function setTwice(at: Where, path: string, first: Where): Problem {
  const other = placeText(first);
  return {
    at,
    path,
    message: { en: `is set in ${other} already`, zh: `在 ${other} 已经设置过` },
    hint: { en: "Remove one of them", zh: "请删去其中一处" },
  };
}

/** A key with nothing behind it counts as not set; a mapping with nothing in it is an empty one. */
function withoutNulls(value: unknown, schema: z.ZodType | undefined): unknown {
  if (!isMapping(value)) return value;
  const kept: Mapping = {};
  for (const [key, inner] of Object.entries(value)) {
    const child = schema && childOf(schema, key);
    if (inner !== null) define(kept, key, withoutNulls(inner, child));
    else if (child && fieldsOf(child)) define(kept, key, {});
  }
  return kept;
}

function setIn(root: Mapping, path: Path, value: unknown): void {
  let at: Mapping = root;
  for (const key of path.slice(0, -1)) {
    const inner = Object.hasOwn(at, key) ? at[key] : undefined;
    if (typeof inner !== "object" || inner === null) define(at, key, {});
    at = at[key] as Mapping;
  }
  define(at, path.at(-1)!, value);
}

/** Plain assignment, but "__proto__" is a key like any other. */
function define(mapping: Mapping, key: string, value: unknown): void {
  Object.defineProperty(mapping, key, { value, enumerable: true, configurable: true, writable: true });
}

export function isMapping(value: unknown): value is Mapping {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}
