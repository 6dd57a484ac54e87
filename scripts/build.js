import { spawnSync } from "node:child_process";
import { existsSync, readdirSync, readFileSync, rmdirSync, rmSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { fail, root, tool } from "./node.js";

const FOLDERS = ["src", "adapters", "skills"];
const SETTINGS = ["tsconfig.json", "tsconfig.build.json"];
const stamp = join(root, "dist/.sources");

/** Compiles the sources to dist/. Does nothing when none of them has changed since the last time. */
export function build() {
  const sources = fingerprint();
  if (existsSync(stamp) && readFileSync(stamp, "utf8") === sources) return;
  console.error("building …");
  rmSync(stamp, { force: true });
  const [program, ...args] = [...tool("tsc"), "--project", "tsconfig.build.json"];
  if (spawnSync(program, args, { cwd: root, stdio: ["ignore", 2, 2] }).status !== 0) fail("the build failed");
  for (const folder of FOLDERS) removeOrphans(folder);
  writeFileSync(stamp, sources);
}

function fingerprint() {
  const files = FOLDERS.flatMap((folder) => readdirSync(join(root, folder), { recursive: true }).map((name) => join(folder, name)));
  const lines = [...files.filter((file) => file.endsWith(".ts")), ...SETTINGS].sort().map((file) => {
    const { size, mtimeMs } = statSync(join(root, file));
    return `${file} ${size} ${mtimeMs}`;
  });
  return lines.join("\n");
}

/** Removes what was made of sources that are gone: the loader would take such a folder for an adapter or a skill. */
function removeOrphans(folder) {
  const built = join(root, "dist", folder);
  for (const entry of readdirSync(built, { withFileTypes: true })) {
    const path = join(folder, entry.name);
    if (entry.isDirectory()) removeOrphans(path);
    else if (!existsSync(join(root, path.replace(/(\.d\.ts|\.js)$/, ".ts")))) rmSync(join(built, entry.name));
  }
  if (readdirSync(built).length === 0) rmdirSync(built);
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  rmSync(stamp, { force: true });
  build();
}
