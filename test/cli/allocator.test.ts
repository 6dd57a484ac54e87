import { readFileSync } from "node:fs";
import { expect, test } from "vitest";
import { inspectAllocator } from "../../src/cli/allocator.ts";

test.runIf(process.platform === "linux")("the allocator is the one that is mapped, whatever the environment says", () => {
  const { allocator, advice, hugePages } = inspectAllocator(process.pid);
  const mapped = readFileSync("/proc/self/maps", "utf8").includes("libjemalloc");
  expect(allocator.startsWith("jemalloc")).toBe(mapped);
  expect(advice === undefined).toBe(mapped);
  expect(hugePages).toMatch(/^THP (enabled|not used) \(system=\w+/);
});

test("of a process that cannot be looked into, nothing is claimed", () => {
  const { allocator, hugePages } = inspectAllocator(2 ** 30);
  expect(allocator).toMatch(/^unknown/);
  expect(hugePages).toMatch(/^THP unknown/);
});
