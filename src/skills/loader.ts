import { folderNames, loadFrom } from "../load-folders.ts";
import type { Skill } from "../skill.ts";

/** The built-in skills: one folder each, no list names them. */
export async function loadSkills(): Promise<Skill[]> {
  const names = await folderNames("skills");
  const skills = await Promise.all(names.map((name) => loadFrom<Skill>("skills", name, "index")));
  return skills.filter((skill) => skill !== undefined);
}
