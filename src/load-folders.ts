import { readdir } from "node:fs/promises";
import { join } from "node:path";
import { fileURLToPath, pathToFileURL } from "node:url";

/** From source when this file is source (tests, development), else from what the build made of it. */
const extension = import.meta.url.endsWith(".ts") ? ".ts" : ".js";
const root = fileURLToPath(new URL("..", import.meta.url));

/** The names of the folders in `kind` ("adapters", "skills") that have the file, in alphabetical order. */
export async function folderNames(kind: string): Promise<string[]> {
  const entries = await readdir(join(root, kind), { withFileTypes: true });
  return entries
    .filter((entry) => entry.isDirectory())
    .map((entry) => entry.name)
    .sort();
}

/** The default export of a file in a folder: `loadFrom("skills", "echo", "index")`. Undefined when there is no such file. */
export async function loadFrom<T>(kind: string, name: string, file: string): Promise<T | undefined> {
  const url = pathToFileURL(join(root, kind, name, file + extension)).href;
  try {
    return ((await import(url)) as { default: T }).default;
  } catch (error) {
    if ((error as { code?: string }).code === "ERR_MODULE_NOT_FOUND" && String(error).includes(url.slice("file://".length)))
      return undefined;
    throw error;
  }
}
