import type { Language } from "../skill.ts";
import { type Problem, problemLine } from "./problem.ts";

/** Characters that a terminal shows two columns wide. */
const WIDE = /[\u1100-\u115f\u2e80-\ua4cf\uac00-\ud7a3\uf900-\ufaff\ufe30-\ufe6f\uff00-\uff60\uffe0-\uffe6]/;

/** Problems as a compiler prints them: the place, what is wrong, what to do, then the source line with a caret below the spot. */
export function formatProblems(problems: readonly Problem[], language: Language): string {
  return problems.map((problem) => formatProblem(problem, language)).join("\n");
}

function formatProblem(problem: Problem, language: Language): string {
  const head = problemLine(problem, language);
  if (typeof problem.at !== "object" || problem.at.source.trim() === "") return head;
  const { line, column, length, source } = problem.at;
  const number = String(line);
  const before = source.slice(0, column - 1);
  const marked = source.slice(column - 1, column - 1 + length);
  const caret = "^".repeat(Math.max(1, blank(marked).length));
  return `${head}\n  ${number} | ${source}\n  ${" ".repeat(number.length)} | ${blank(before)}${caret}`;
}

/** White space that is as wide on the screen as the text. */
function blank(text: string): string {
  let spaces = "";
  for (const character of text) spaces += character === "\t" ? "\t" : WIDE.test(character) ? "  " : " ";
  return spaces;
}
