import { z } from "zod";

/**
 * A configured secret: masked in every output. An empty one, or one that still is a placeholder from an example
 * ("xxxx", "<…>", "…", "your-…", "changeme"), is refused, so that a daemon never runs on a secret that everybody knows.
 */
export function secret(): z.ZodString {
  return z
    .string()
    .refine((value) => value !== "", { error: "is empty", params: { zh: "不能为空" }, abort: true })
    .refine((value) => !isPlaceholder(value), {
      error: "is a placeholder: put the real value here",
      params: { zh: "还是示例里的占位符：请填写真实的值" },
    })
    .meta({ secret: true });
}

/** True for values that examples carry in place of a real one. */
export function isPlaceholder(value: string): boolean {
  return /x{4,}|\*{3,}|<[^>]*>|…|\.\.\.|填写|占位|^your[-_ ]|change[-_ ]?me|placeholder/i.test(value);
}
