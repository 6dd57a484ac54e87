import { spawnSync } from "node:child_process";
import { accessSync, constants, readFileSync } from "node:fs";
import { delimiter, join } from "node:path";
import { fail, root } from "./node.js";

/** Makes node_modules what package-lock.json says. Does nothing when it is. */
export function install() {
  if (installed()) return;
  try {
    accessSync(root, constants.W_OK);
  } catch {
    fail(`node_modules does not match package-lock.json, and ${root} cannot be written: run npm ci as its owner.`);
  }
  console.error("installing …");
  if (npm("ci") || npm("install")) return;
  fail(
    "npm could not install the dependencies (see above). Behind a firewall, name a mirror: npm config set registry URL; offline, copy node_modules from a machine of the same kind.",
  );
}

function installed() {
  const wanted = packages("package-lock.json");
  const found = packages("node_modules/.package-lock.json");
  return (
    found !== undefined &&
    Object.entries(wanted ?? {}).every(
      ([path, { version, optional }]) => path === "" || (found[path] ? found[path].version === version : optional),
    )
  );
}

function packages(lock) {
  try {
    return JSON.parse(readFileSync(join(root, lock), "utf8")).packages;
  } catch {
    return undefined;
  }
}

function npm(command) {
  // Under `npm run` the first node in PATH is the pinned one, which npm is about to replace.
  const path = process.env.PATH.split(delimiter).filter((folder) => !folder.startsWith(join(root, "node_modules")));
  const env = { ...process.env, PATH: path.join(delimiter), NODE_ENV: "development" };
  const { status } = spawnSync("npm", [command, "--include=dev", "--loglevel=error"], { cwd: root, env, stdio: ["ignore", "ignore", 2] });
  return status === 0;
}
