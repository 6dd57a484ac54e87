/** What `import … from "clawdbot"` means inside a skill's own process: the types and helpers of skills, no way into the daemon. */

export * from "../../errors.ts";
export * from "../../message.ts";
export * from "../../skill.ts";
