import { spawnSync } from "node:child_process";
import { mkdtempSync, rmdirSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

interface Need {
  here(): boolean;
  /** Debian packages that bring it. */
  packages?: string[];
}

const NEEDS = {
  /** May trace system calls. */
  strace: { here: () => succeeds("strace", "-qq", "-e", "trace=none", "true"), packages: ["strace"] },
  /** May mount a file system of a fixed size. */
  tmpfs: { here: mountsTmpfs },
} satisfies Record<string, Need>;

export type NeedName = keyof typeof NEEDS;

/**
 * Whether this machine has what a test cannot do without: `test.runIf(needs("strace"))`. Installs it first where that is allowed.
 * A test that is left out is named at the end of the run, and fails it in CI.
 */
export function needs(name: NeedName): boolean {
  const { here, packages = [] }: Need = NEEDS[name];
  if (here() || (packages.length > 0 && install(packages) && here())) return true;
  process.stderr.write(`this machine has no ${name}${packages.length > 0 ? `: apt-get install ${packages.join(" ")}` : ""}\n`);
  return false;
}

function install(packages: string[]): boolean {
  if (process.getuid?.() !== 0 || !succeeds("apt-get", "--version")) return false;
  // Another test file may be installing at the same time.
  const get = ["apt-get", "-qq", "-o", "DPkg::Lock::Timeout=300"] as const;
  const env = { ...process.env, DEBIAN_FRONTEND: "noninteractive" };
  const run = (...args: string[]) => spawnSync(get[0], [...get.slice(1), ...args], { stdio: "ignore", env }).status === 0;
  const add = ["install", "--yes", "--no-install-recommends", ...packages];
  return run(...add) || (run("update") && run(...add));
}

function mountsTmpfs(): boolean {
  const folder = mkdtempSync(join(tmpdir(), "clawdbot-needs-"));
  try {
    return succeeds("mount", "-t", "tmpfs", "-o", "size=1m", "tmpfs", folder) && succeeds("umount", folder);
  } finally {
    rmdirSync(folder);
  }
}

function succeeds(program: string, ...args: string[]): boolean {
  return spawnSync(program, args, { stdio: "ignore" }).status === 0;
}
