import type { Problem } from "./problem.ts";
import type { TopLevelKey } from "./yaml-file.ts";

/**
 * Finds sections whose keys stand at the left margin, as they do after copying from a web page that swallowed the spaces: one
 * problem per section, at the first such key. Without this, the operator would get an error for every line and none that helps.
 */
export function lostIndentation(keys: readonly TopLevelKey[], fieldsOf: (section: string) => readonly string[] | undefined): Problem[] {
  const problems: Problem[] = [];
  let section: string | undefined;
  let told = false;
  for (const { key, empty, place } of keys) {
    if (fieldsOf(key)) {
      section = empty ? key : undefined;
      told = false;
    } else if (section && !told && place.column === 1 && fieldsOf(section)!.includes(key)) {
      told = true;
      problems.push({
        at: place,
        path: key,
        message: {
          en: `belongs under ${section}: the indentation of this file was lost, as happens when copying from a web page`,
          zh: `应该在 ${section} 下面：文件的缩进丢失了（从网页复制时常见）`,
        },
        hint: {
          en: `Put two spaces before every line that belongs to ${section}, two more for each further level`,
          zh: `请在属于 ${section} 的每一行前加两个空格，再下一级再加两个`,
        },
      });
    }
  }
  return problems;
}
