const MAX_ID = 64;
/** Control characters and halves of surrogate pairs, and the colon, which separates the parts of a conversation's key. */
const UNFIT = /[\p{Cc}\p{Cs}:]/u;

/** An id of the protocol, which peers write as a number or as a string; undefined when it is neither or would not survive. */
export function idOf(value: unknown): string | undefined {
  if (typeof value === "number") return Number.isSafeInteger(value) ? String(value) : undefined;
  if (typeof value !== "string" || value === "" || value.length > MAX_ID || UNFIT.test(value)) return undefined;
  return value;
}

/** As peers want it: a number when it is one. */
export function wireId(id: string): number | string {
  return /^-?(?:0|[1-9]\d{0,14})$/.test(id) ? Number(id) : id;
}

/** Whether an id can name an account: it becomes part of keys and paths. */
export function isAccountId(id: string): boolean {
  return /^[A-Za-z0-9_-]{1,64}$/.test(id);
}
