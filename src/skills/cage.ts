import { execFile } from "node:child_process";
import { access, constants } from "node:fs/promises";
import { dirname, join } from "node:path";
import { promisify } from "node:util";

const run = promisify(execFile);

/** How a skill's process is kept from everything that is not its own. */
export interface Cage {
  readonly strong: boolean;
  /** What stands in for a strong one. */
  readonly parts: readonly string[];
  /** Whether processes get a user of their own, who has to be able to read their folder. */
  readonly ownUser: boolean;
  /** The command line that runs the program in the cage. It may read `folder` and the system's libraries. */
  wrap(program: string, args: readonly string[], options: { folder: string; memory: number; user: number }): string[];
}

interface Tools {
  bwrap: string | undefined;
  prlimit: string | undefined;
  setpriv: string | undefined;
  unshare: string | undefined;
}

const PLACES = ["/usr/bin", "/bin", "/usr/sbin", "/usr/local/bin"];
/** The range that systemd gives to users who exist for the time of a service: https://systemd.io/UIDS-GIDS/ */
const FIRST_USER = 61_184;
const LAST_USER = 65_519;
const PROBE_MS = 5000;

let lastUser = LAST_USER;

/** "bwrap", "weak (…)" with what stands in for it, or "none". More parts: what the process itself brings along. */
export function cageName({ strong, parts }: Cage, more: readonly string[] = []): string {
  if (strong) return "bwrap";
  const all = [...more, ...parts];
  return all.length > 0 ? `weak (${all.join(", ")})` : "none";
}

/** A user id that no other running skill has. */
export function nextUser(): number {
  lastUser = lastUser >= LAST_USER ? FIRST_USER : lastUser + 1;
  return lastUser;
}

/** The first of the names that is a program in one of the usual places. */
export async function findProgram(names: readonly string[], places: readonly string[] = PLACES): Promise<string | undefined> {
  for (const name of names) {
    for (const place of places) {
      const path = join(place, name);
      if (
        await access(path, constants.X_OK).then(
          () => true,
          () => false,
        )
      )
        return path;
    }
  }
  return undefined;
}

/** The strongest cage in which the program runs on this machine, found by running it. `extra` holds tools beside the usual places. */
export async function findCage(program: string, extra: readonly string[] = []): Promise<Cage> {
  const places = [...extra, ...PLACES];
  const [bwrap, prlimit, setpriv, unshare] = await Promise.all(
    ["bwrap", "prlimit", "setpriv", "unshare"].map((name) => findProgram([name], places)),
  );
  const tools: Tools = { bwrap, prlimit, setpriv, unshare };
  for (const cage of candidates(tools)) {
    const [file, ...args] = cage.wrap(program, ["--version"], { folder: dirname(program), memory: 2 ** 30, user: nextUser() });
    const works = await run(file!, args, { timeout: PROBE_MS, env: {} }).then(
      () => true,
      () => false,
    );
    if (works) return cage;
  }
  return makeCage([], { bwrap: undefined, prlimit: undefined, setpriv: undefined, unshare: undefined }, false);
}

function candidates(tools: Tools): Cage[] {
  const none = undefined;
  const root = process.getuid?.() === 0 && tools.setpriv !== none;
  const users = root ? [true, false] : [false];
  const cages: Cage[] = [];
  if (tools.bwrap) for (const own of users) cages.push(makeCage([], { ...tools, unshare: none }, own));
  for (const own of users) {
    for (const unshare of tools.unshare ? [tools.unshare, none] : [none]) {
      const has = [own ? "own user" : "", unshare ? "no network" : "", tools.prlimit ? "limits" : ""].filter((part) => part !== "");
      if (has.length > 0) cages.push(makeCage(has, { ...tools, bwrap: none, unshare }, own));
    }
  }
  return cages;
}

function makeCage(parts: string[], { bwrap, prlimit, setpriv, unshare }: Tools, ownUser: boolean): Cage {
  return {
    strong: bwrap !== undefined,
    parts,
    ownUser,
    wrap(program, args, { folder, memory, user }) {
      const command: string[] = [];
      // Whatever the program is doing, it ends with the daemon.
      if (setpriv) command.push(setpriv, "--pdeathsig", "KILL", "--");
      if (unshare) {
        const asRoot = process.getuid?.() === 0;
        command.push(
          unshare,
          ...(asRoot ? [] : ["--user", "--map-current-user"]),
          "--net",
          "--pid",
          "--ipc",
          "--fork",
          "--kill-child",
          "--",
        );
      }
      if (setpriv) {
        const as = [`--reuid=${user}`, `--regid=${user}`, "--clear-groups", "--bounding-set=-all", "--inh-caps=-all"];
        // Again: a change of user forgets it.
        command.push(setpriv, "--pdeathsig", "KILL", ...(ownUser ? as : []), ...(bwrap && !ownUser ? [] : ["--no-new-privs"]), "--");
      }
      if (prlimit) {
        command.push(prlimit, `--data=${memory}`, "--core=0", "--fsize=0", "--nofile=256", ...(ownUser ? ["--nproc=64"] : []), "--");
      }
      if (bwrap) command.push(bwrap, ...bubble(program, folder), "--");
      return [...command, program, ...args];
    },
  };
}

function bubble(program: string, folder: string): string[] {
  const system = ["/bin", "/lib", "/lib64"].flatMap((path) => ["--ro-bind-try", path, path]);
  const basics = ["--proc", "/proc", "--dev", "/dev", "--tmpfs", "/tmp"];
  const own = [program, folder].filter((path) => !path.startsWith("/usr/")).flatMap((path) => ["--ro-bind", path, path]);
  const away = ["--unshare-all", "--die-with-parent", "--new-session", "--clearenv", "--cap-drop", "ALL"];
  return [...away, "--ro-bind", "/usr", "/usr", ...system, ...basics, ...own, "--chdir", "/"];
}
