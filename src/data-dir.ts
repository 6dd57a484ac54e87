import { chmod, mkdir, readFile, writeFile } from "node:fs/promises";
import { join, relative, resolve } from "node:path";
import { ClawdbotError } from "./errors.ts";

/** The longest path that a Unix socket takes on Linux (108 with its end; macOS 104). */
const LONGEST_SOCKET = 100;

/** What lies where in the data directory. */
export function dataPaths(dataDir: string): { log: string; token: string; socket: string } {
  return { log: join(dataDir, "clawdbot.log"), token: join(dataDir, "token"), socket: socketPath(dataDir) };
}

function socketPath(dataDir: string): string {
  const full = resolve(dataDir, "admin.sock");
  const short = relative(process.cwd(), full);
  const path = short.length < full.length ? short : full;
  if (Buffer.byteLength(path) > LONGEST_SOCKET) {
    throw new ClawdbotError(
      "CLAWDBOT_ERR_CONFIG",
      `data_dir is too long for its admin socket: ${path} has more than ${LONGEST_SOCKET} bytes`,
    );
  }
  return path;
}

/** Makes the directory, for its owner only, or says why not. */
export async function makeDataDir(dataDir: string): Promise<void> {
  try {
    if (await mkdir(dataDir, { recursive: true, mode: 0o700 })) await chmod(dataDir, 0o700);
  } catch (error) {
    throw new ClawdbotError("CLAWDBOT_ERR_CONFIG", `cannot make data_dir ${dataDir}: ${(error as Error).message}`, { cause: error });
  }
}

/** The token of this machine's own clients; made with `random` when there is none. Mode 0600. */
export async function localToken(dataDir: string, random: (n: number) => Uint8Array): Promise<string> {
  const path = dataPaths(dataDir).token;
  try {
    const token = (await readFile(path, "utf8")).trim();
    if (token.length >= 32) return token;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== "ENOENT") throw error;
  }
  const token = Buffer.from(random(32)).toString("base64url");
  await writeFile(path, `${token}\n`, { mode: 0o600 });
  return token;
}
