/**
 * Resolves with the first truthy value of `check`, asked again and again while real I/O goes on; rejects after timeoutMs naming
 * what was waited for. For tests: waits for a fact, never for a time.
 */
export async function until<T>(what: string, check: () => T | Promise<T>, timeoutMs = 10_000): Promise<NonNullable<T>> {
  const end = performance.now() + timeoutMs;
  for (;;) {
    const value = await check();
    if (value) return value;
    if (performance.now() > end) throw new Error(`waited ${timeoutMs} ms in vain for: ${what}`);
    await new Promise((resolve) => setTimeout(resolve, 1));
  }
}
