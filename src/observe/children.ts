import type { Counter, Histogram } from "prom-client";

/** Sets of label values that one metric may have. Further ones share the child "other": nobody outside can make a scrape grow. */
const MOST = 200;

export type Child<M extends Counter | Histogram> = ReturnType<M["labels"]>;

/**
 * Finds a metric's child by its label values and keeps it, which is several times cheaper than to look it up in prom-client. While
 * there is none, the metric has one sample of zero without labels (to Prometheus an empty label is none).
 */
export function children<M extends Counter | Histogram>(
  metric: M,
  labelNames: readonly string[],
): (first: string, second?: string, third?: string) => Child<M> {
  const kept = new Map<string, Child<M>>();
  const none = labelNames.map(() => "");
  if ("zero" in metric) metric.zero(Object.fromEntries(labelNames.map((name) => [name, ""])));
  else metric.labels(...none).inc(0);

  function add(key: string, values: string[]): Child<M> {
    if (kept.size === 0) metric.remove(...none);
    const bounded = kept.size < MOST ? values.slice(0, labelNames.length) : labelNames.map(() => "other");
    const child = metric.labels(...bounded) as Child<M>;
    if (kept.size < MOST) kept.set(key, child);
    return child;
  }

  return (first, second = "", third = "") => {
    const key = labelNames.length === 1 ? first : `${first}\n${second}\n${third}`;
    return kept.get(key) ?? add(key, [first, second, third]);
  };
}
