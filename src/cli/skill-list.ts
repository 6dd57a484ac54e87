import { inLanguage } from "../skill.ts";
import type { SkillStatus } from "../skills/registry.ts";
import type { Cli } from "./cli.ts";
import type { Paint } from "./colour.ts";
import { connectAdmin } from "./daemon.ts";
import { showTime } from "./duration.ts";
import { EXIT, type ExitCode } from "./exit-codes.ts";
import { Failure } from "./failure.ts";
import { language, say } from "./language.ts";
import { table } from "./table.ts";

/** Every skill that the daemon knows, built in or loaded. */
export async function listSkills(cli: Cli, options: { remote?: boolean }): Promise<ExitCode> {
  if (options.remote) {
    throw new Failure(
      "CLAWDBOT_ERR_UNREACHABLE",
      say({ zh: "当前版本没有远程技能库", en: "there is no remote registry in this version" }),
      say({ zh: "加载本地的技能：clawdbot skill load 路径", en: "load a skill of your own: clawdbot skill load PATH" }),
    );
  }
  const skills = await (await connectAdmin(cli)).skills();
  await cli.out.document(skills, () => skillTable(skills, cli.out.paint));
  return EXIT.ok;
}

/** All that is known of one skill. */
export async function showSkill(cli: Cli, name: string): Promise<ExitCode> {
  const skill = await (await connectAdmin(cli)).skill({ name });
  await cli.out.document(skill, () => infoText(skill, cli.out.paint));
  return EXIT.ok;
}

function skillTable(skills: SkillStatus[], paint: Paint): string {
  const rows = skills.map((one) => [
    one.name,
    one.version,
    one.runtime,
    stateOf(one, paint),
    one.cage ?? "-",
    inLanguage(one.description, language),
  ]);
  return table(["NAME", "VERSION", "RUNTIME", "STATE", "CAGE", "DESCRIPTION"], rows);
}

function stateOf({ state }: SkillStatus, paint: Paint): string {
  if (state === "on") return paint.green(state);
  return state === "disabled" ? state : paint.red(state);
}

function infoText(skill: SkillStatus, paint: Paint): string {
  const { replaces, loadedAt, aliases, description, ...rest } = skill;
  const facts: Record<string, string> = {
    ...rest,
    state: stateOf(skill, paint),
    description: inLanguage(description, language),
    aliases: aliases.join(", "),
    loaded: loadedAt === undefined ? "" : showTime(loadedAt),
    replaces: replaces ? say({ zh: "同名的内置技能", en: "the built-in skill of this name" }) : "",
  };
  const known = Object.entries(facts).filter(([, value]) => value !== "");
  return known.map(([key, value]) => `${key.padEnd(12)}  ${value}`).join("\n");
}
