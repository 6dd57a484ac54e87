import { existsSync, readdirSync, readFileSync } from "node:fs";
import { basename } from "node:path";
import type { Environment } from "../config/environment.ts";
import { say } from "./language.ts";

/** Where distributions put jemalloc 5. */
const LIBRARIES = ["x86_64-linux-gnu", "aarch64-linux-gnu", ""].flatMap((folder) => [
  `/usr/lib/${folder}/libjemalloc.so.2`,
  `/usr/local/lib/${folder}/libjemalloc.so.2`,
]);

/**
 * Whoever sets MALLOC_CONF wants jemalloc, which can only be had from a process's first instruction: replaces this process by
 * itself with the library preloaded, under the same pid. Goes on without when there is no such library.
 */
export function preferJemalloc({ mallocConf, variables }: Environment): void {
  const preloaded = variables.LD_PRELOAD ?? "";
  if (!mallocConf || !process.execve || preloaded.includes("jemalloc")) return;
  const library = LIBRARIES.find((path) => existsSync(path));
  if (!library) return;
  const env = { ...variables, LD_PRELOAD: preloaded ? `${library}:${preloaded}` : library };
  process.execve(process.execPath, [process.execPath, ...process.execArgv, ...process.argv.slice(1)], env as Record<string, string>);
}

export interface AllocatorReport {
  allocator: string;
  /** How to change it, when there is something to change. */
  advice: string | undefined;
  hugePages: string;
}

/** Which allocator a process really runs on and whether it gets huge pages: what the kernel says, never what was configured. */
export function inspectAllocator(pid: number): AllocatorReport {
  const maps = read(`/proc/${pid}/maps`);
  const system = /\[(\w+)\]/.exec(read("/sys/kernel/mm/transparent_hugepage/enabled") ?? "")?.[1] ?? "unknown";
  if (maps === undefined) {
    const why = say({ zh: `无法读取 /proc/${pid}/maps`, en: `/proc/${pid}/maps cannot be read` });
    return { allocator: `unknown (${why})`, advice: undefined, hugePages: `THP unknown (system=${system})` };
  }
  const library = /\S*libjemalloc\S*/.exec(maps)?.[0];
  if (!library) {
    const advice = say({
      zh: "如需 jemalloc：安装 libjemalloc2，设置 MALLOC_CONF=background_thread:true,metadata_thp:auto，再重启",
      en: "for jemalloc: install libjemalloc2, set MALLOC_CONF=background_thread:true,metadata_thp:auto, and start again",
    });
    const hugePages = system === "always" ? "THP enabled (system=always)" : `THP not used (system=${system})`;
    return { allocator: maps.includes("/ld-musl") ? "musl malloc" : "glibc malloc", advice, hugePages };
  }
  const background = threadNames(pid).some((name) => name.startsWith("jemalloc_bg")) ? "on" : "off";
  const metadata = /metadata_thp:(\w+)/.exec(variable(pid, "MALLOC_CONF"))?.[1] ?? "disabled";
  const used = system === "always" || (system === "madvise" && metadata !== "disabled");
  return {
    allocator: `jemalloc (${basename(library)}, background_thread: ${background})`,
    advice: undefined,
    hugePages: `THP ${used ? "enabled" : "not used"} (system=${system}, metadata_thp=${metadata})`,
  };
}

function threadNames(pid: number): string[] {
  try {
    return readdirSync(`/proc/${pid}/task`).map((thread) => read(`/proc/${pid}/task/${thread}/comm`) ?? "");
  } catch {
    return [];
  }
}

/** A variable of another process, as it was when that started. */
function variable(pid: number, name: string): string {
  const all = read(`/proc/${pid}/environ`)?.split("\0") ?? [];
  return all.find((one) => one.startsWith(`${name}=`))?.slice(name.length + 1) ?? "";
}

function read(path: string): string | undefined {
  try {
    return readFileSync(path, "utf8");
  } catch {
    return undefined;
  }
}
