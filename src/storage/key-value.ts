import type { Clock } from "../clock.ts";
import type { KeyValue } from "../skill.ts";
import type { KeyValueRows } from "./storage.ts";

/** The part of the store that one owner (a skill, an account) sees; it cannot reach another's. */
export function keyValue(rows: KeyValueRows, namespace: string, clock: Clock): KeyValue {
  return {
    get: (key) => rows.kvGet(namespace, key),
    set(key, value, { ifVersion, ttlMs } = {}) {
      const options: { ifVersion?: number; expiresAt?: number } = {};
      if (ifVersion !== undefined) options.ifVersion = ifVersion;
      if (ttlMs !== undefined) options.expiresAt = clock.now() + ttlMs;
      return rows.kvSet(namespace, key, value, options);
    },
    delete: (key) => rows.kvDelete(namespace, key),
    list: (prefix, limit = 100) => rows.kvList(namespace, prefix, limit),
  };
}
