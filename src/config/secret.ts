import { z } from "zod";

/**
 * A configured secret: masked in every output. An empty one, or one that still is a placeholder from an example
 * ("xxxx", "<…>", "…", "your-…", "changeme"), is refused, so that a daemon never runs on a secret that everybody knows.
 */
export function secret(): z.ZodString {
  return z
    .string()
    .min(1, "is empty")
    .refine((value) => !isPlaceholder(value), "is a placeholder: put the real value here")
    .meta({ secret: true }) as z.ZodString;
}

/** True for values that examples carry in place of a real one. */
export function isPlaceholder(value: string): boolean {
  return /x{4,}|\*{3,}|<[^>]*>|…|\.\.\.|填写|占位|^your[-_ ]|change[-_ ]?me|placeholder/i.test(value);
}
