import { type ChildProcess, spawn } from "node:child_process";
import { readdirSync, readFileSync } from "node:fs";
import { availableParallelism } from "node:os";
import { createInterface } from "node:readline";

export interface ServerProcess {
  port: number;
  /** CPU time used so far by the process and its children, µs, and their memory, MiB. */
  usage(): { cpuUs: number; rssMb: number };
  stop(): Promise<void>;
}

/** Starts a server on core 0 (this process is to run on another) and waits for the line that tells its port. */
export async function startServer(command: string[], portOf: (line: string) => number | undefined): Promise<ServerProcess> {
  const pinned = availableParallelism() > 1 && process.platform === "linux" ? ["taskset", "-c", "0", ...command] : command;
  const child = spawn(pinned[0]!, pinned.slice(1), { stdio: ["ignore", "pipe", "pipe"] });
  let talk = "";
  child.stderr.on("data", (chunk: Buffer) => {
    talk = (talk + chunk.toString()).slice(-4000);
  });
  const port = await new Promise<number>((resolve, reject) => {
    createInterface({ input: child.stdout }).on("line", (line) => {
      const found = portOf(line);
      if (found) resolve(found);
    });
    child.once("exit", (code) => reject(new Error(`${command.join(" ")} ended with ${code}\n${talk}`)));
  });
  return { port, usage: () => usageOf(child.pid!), stop: () => stop(child) };
}

async function stop(child: ChildProcess): Promise<void> {
  const gone = new Promise<void>((resolve) => child.once("exit", () => resolve()));
  child.kill("SIGTERM");
  const limit = setTimeout(() => child.kill("SIGKILL"), 10_000);
  await gone;
  clearTimeout(limit);
}

function usageOf(pid: number): { cpuUs: number; rssMb: number } {
  const processes = new Map<number, { parent: number; cpuUs: number; rssMb: number }>();
  for (const name of readdirSync("/proc")) {
    if (!/^\d+$/.test(name)) continue;
    try {
      const stat = readFileSync(`/proc/${name}/stat`, "latin1");
      const fields = stat
        .slice(stat.lastIndexOf(") ") + 2)
        .split(" ")
        .map(Number);
      processes.set(Number(name), {
        parent: fields[1]!,
        cpuUs: (fields[11]! + fields[12]!) * 10_000,
        rssMb: (fields[21]! * 4096) / 1_048_576,
      });
    } catch {
      // ended meanwhile
    }
  }
  const total = { cpuUs: 0, rssMb: 0 };
  const members = [pid];
  for (const member of members) {
    const found = processes.get(member);
    if (!found) continue;
    total.cpuUs += found.cpuUs;
    total.rssMb += found.rssMb;
    for (const [child, { parent }] of processes) if (parent === member) members.push(child);
  }
  return total;
}
