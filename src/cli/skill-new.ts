import { mkdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import type { Cli } from "./cli.ts";
import { EXIT, type ExitCode } from "./exit-codes.ts";
import { Failure, usage } from "./failure.ts";
import { say } from "./language.ts";

const PACKAGE = "clawdbot";

/** Writes a folder with a skill that works, to begin from. Overwrites nothing. */
export async function newSkill(cli: Cli, name: string, options: { lang: "ts" | "py" }): Promise<ExitCode> {
  if (!/^[a-z0-9][a-z0-9._-]{0,63}$/.test(name)) {
    throw usage(say({ zh: `技能名 ${name}：只能用 a-z、0-9、-、_ 和 .`, en: `skill name ${name}: use a-z, 0-9, "-", "_" and "."` }));
  }
  try {
    await mkdir(name);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== "EEXIST") throw error;
    throw new Failure("CLAWDBOT_ERR_EXISTS", say({ zh: `${name} 已存在`, en: `${name} exists already` }), undefined, error);
  }
  const files = {
    "skill.yaml": manifest(name),
    ...(options.lang === "py" ? { "skill.py": python(name) } : { "index.ts": typescript(name) }),
  };
  for (const [file, text] of Object.entries(files)) await writeFile(join(name, file), text);
  const paths = Object.keys(files).map((file) => join(name, file));
  await cli.out.document({ ok: true, files: paths }, () =>
    [
      ...paths,
      say({
        zh: `下一步：clawdbot skill load ${name} --watch，然后发送 /${name} 你好`,
        en: `next: clawdbot skill load ${name} --watch, then say /${name} hello`,
      }),
    ].join("\n"),
  );
  return EXIT.ok;
}

function manifest(name: string): string {
  return `id: ${name}
version: 0.1.0
description:
  zh: 把你说的话倒过来
  en: Says backwards what you said
# Only called by name. Triggers make it answer by itself, as in [{ keyword: weather }].
triggers: []
`;
}

function python(name: string): string {
  return `from clawdbot.skill import BaseSkill


class Skill(BaseSkill):
    name = "${name}"

    async def handle_message(self, msg, context):
        context.log.info("asked", characters=len(msg.raw))
        return msg.raw[::-1]
`;
}

function typescript(name: string): string {
  return `import { defineSkill } from "${PACKAGE}";

export default defineSkill({
  name: "${name}",
  version: "0.1.0",
  description: { zh: "把你说的话倒过来", en: "Says backwards what you said" },
  handleMessage(message, context) {
    context.log.info("asked", { characters: message.text.length });
    return [...message.text].reverse().join("");
  },
});
`;
}
