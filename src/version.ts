import { readFileSync } from "node:fs";

/** The version in package.json, found from source as well as from the build. */
export const version: string = read();

function read(): string {
  for (const up of ["../package.json", "../../package.json"]) {
    try {
      const about = JSON.parse(readFileSync(new URL(up, import.meta.url), "utf8")) as { name?: string; version?: string };
      if (about.name === "clawdbot" && about.version) return about.version;
    } catch {
      // not there: the next place
    }
  }
  return "unknown";
}
