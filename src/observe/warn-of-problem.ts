import { type Problem, placeText, problemLine } from "../config/problem.ts";
import type { Logger } from "../skill.ts";

/** A problem that stops nothing, as one line of the log; where it stands is a field. */
export function warnOfProblem(log: Logger, problem: Problem): void {
  log.warn(problemLine({ ...problem, at: undefined }, "en"), { place: placeText(problem.at) });
}
