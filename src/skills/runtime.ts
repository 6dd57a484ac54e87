import { ClawdbotError } from "../errors.ts";
import { type Cage, findCage, findProgram } from "./cage.ts";
import type { SkillKind } from "./facts.ts";
import type { Stage } from "./stage.ts";

/** What runs skills of one kind on this machine, and the cage it runs in. */
export interface Runtime {
  cage: Cage;
  /** The command line that serves the skill on a stage. */
  serve(stage: Stage, user: number): string[];
  /** The command line that prints what can be known of it without running it; only for Python. */
  describe(stage: Stage, user: number): string[];
}

export type Runtimes = (kind: SkillKind) => Promise<Runtime>;

const MIB = 2 ** 20;
/** Of data: heap, buffers and whatever else a process writes to. */
const MEMORY = 256 * MIB;
/** V8 reserves this much for code and counts it as data, used or not. */
const RESERVED_BY_NODE = 576 * MIB;
const PYTHONS = ["python3", "python3.14", "python3.13", "python3.12", "python3.11", "python3.10"];

/** Looks for each runtime and its cage once, when first asked. `tools`: places beside the usual ones. */
export function createRuntimes(tools: readonly string[] = []): Runtimes {
  const known = new Map<SkillKind, Promise<Runtime>>();
  return (kind) => {
    const found = known.get(kind) ?? (kind === "python" ? findPython(tools) : findNode(tools));
    known.set(kind, found);
    found.catch(() => known.delete(kind));
    return found;
  };
}

async function findNode(tools: readonly string[]): Promise<Runtime> {
  const cage = await findCage(process.execPath, tools);
  return {
    cage,
    serve({ folder, host, skill }, user) {
      const flags = ["--permission", `--allow-fs-read=${folder}`, `--max-old-space-size=${MEMORY / MIB / 2}`];
      return cage.wrap(process.execPath, [...flags, host, skill], { folder, memory: RESERVED_BY_NODE + MEMORY, user });
    },
    describe() {
      throw new ClawdbotError("CLAWDBOT_ERR_INVALID", "only Python skills can be described without running them");
    },
  };
}

async function findPython(tools: readonly string[]): Promise<Runtime> {
  const program = await findProgram(PYTHONS);
  if (!program) {
    throw new ClawdbotError("CLAWDBOT_ERR_INVALID", "no python3 in /usr/bin, /bin or /usr/local/bin; Python skills need 3.10 or newer");
  }
  const cage = await findCage(program, tools);
  const start =
    (what: string) =>
    ({ folder, host, skill }: Stage, user: number) => {
      const code = `import sys; sys.path.insert(0, sys.argv[1]); from clawdbot.host import ${what}; ${what}(sys.argv[2], sys.argv[3])`;
      const args = ["-I", "-B", "-u", "-X", "utf8", "-c", code, host, folder, skill];
      return cage.wrap(program, args, { folder, memory: MEMORY, user });
    };
  return { cage, serve: start("main"), describe: start("describe") };
}
