import { readdirSync, readFileSync } from "node:fs";
import { basename, dirname, join, relative } from "node:path";
import type { Problem } from "./problem.ts";
import { parseYaml, type YamlFile, type YamlOptions } from "./yaml-file.ts";

/**
 * Reads the documents of the configuration: every `*.yaml` and `*.yml` of the folder in alphabetical order, or the one file that
 * `path` names. A folder that does not exist holds nothing, which is a problem only where somebody named it.
 */
export function readConfigFiles(
  path: string,
  options: YamlOptions & { required: boolean },
): { dir: string; files: YamlFile[]; problems: Problem[] } {
  let names: string[];
  let dir = path;
  try {
    names = readdirSync(path).filter((name) => /^[^.].*\.ya?ml$/.test(name));
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code === "ENOENT" && !options.required) return { dir, files: [], problems: [] };
    if (code !== "ENOTDIR") return { dir, files: [], problems: [unreadable(path, code)] };
    names = [basename(path)];
    dir = dirname(path);
  }
  const files: YamlFile[] = [];
  const problems: Problem[] = [];
  for (const name of names.sort()) {
    const shown = shownPath(join(dir, name));
    try {
      files.push(parseYaml(shown, readFileSync(join(dir, name), "utf8"), options));
    } catch (error) {
      problems.push(unreadable(shown, (error as NodeJS.ErrnoException).code));
    }
  }
  return { dir, files, problems };
}

/** A path as people know it: relative to where they are, unless it lies elsewhere. */
export function shownPath(path: string): string {
  const near = relative(process.cwd(), path);
  return near === "" || near.startsWith("..") ? path : near;
}

function unreadable(path: string, code = "unknown"): Problem {
  const message =
    code === "ENOENT" ? { en: "does not exist", zh: "不存在" } : { en: `cannot be read (${code})`, zh: `无法读取（${code}）` };
  return { at: path, path: "", message };
}
