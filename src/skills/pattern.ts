import { createRequire } from "node:module";
import type { PatternEngine } from "../pipeline/route.ts";

const require = createRequire(import.meta.url);

/** RE2: linear in the length of the text whatever the pattern, so a message cannot stall the daemon. Loaded with the first pattern. */
export const patternEngine: PatternEngine = (pattern) => {
  const { RE2JS } = require("re2js") as typeof import("re2js");
  const compiled = RE2JS.compile(pattern);
  return (text) => compiled.matcher(text).find();
};
