import { existsSync } from "node:fs";
import { resolve } from "node:path";
import { type CheckReport, checkSkill } from "../skills/check.ts";
import type { SkillStatus } from "../skills/registry.ts";
import type { Cli } from "./cli.ts";
import { connectAdmin } from "./daemon.ts";
import { EXIT, type ExitCode } from "./exit-codes.ts";
import { say } from "./language.ts";

/** Checks a file, a folder, a loaded skill by its name, or all that are loaded; exit code 1 when one would not run. */
export async function checkSkills(cli: Cli, given: string | undefined): Promise<ExitCode> {
  const paths = given !== undefined && (existsSync(given) || given.includes("/")) ? [resolve(given)] : await loadedPaths(cli, given);
  const reports: CheckReport[] = [];
  for (const path of paths) reports.push(await checkSkill(path));
  const { paint } = cli.out;
  await cli.out.document(reports, () =>
    reports
      .map(({ path, findings }) =>
        [path, ...findings.map(({ what, ok, detail }) => `  ${ok ? paint.green("✓") : paint.red("✗")} ${what.padEnd(11)}  ${detail}`)].join(
          "\n",
        ),
      )
      .join("\n"),
  );
  if (reports.length === 0)
    cli.out.talk(say({ zh: "没有加载的技能；内置技能无需检查", en: "no skill is loaded; built-in ones need no check" }));
  return reports.every(({ ok }) => ok) ? EXIT.ok : EXIT.failed;
}

/** Where the copies lie that the daemon runs. */
async function loadedPaths(cli: Cli, name: string | undefined): Promise<string[]> {
  const api = await connectAdmin(cli);
  const skills: SkillStatus[] = name === undefined ? await api.skills() : [await api.skill({ name })];
  return skills.flatMap(({ copy }) => (copy === undefined ? [] : [copy]));
}
