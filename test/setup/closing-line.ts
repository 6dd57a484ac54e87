import type { Reporter, TestModule } from "vitest/node";

/** Ends a run with what was left out, by name, and one plain line of counts. In CI a test that was left out fails the run. */
export default class ClosingLine implements Reporter {
  onTestRunEnd(modules: readonly TestModule[], unhandled: readonly unknown[]): void {
    const tests = modules.flatMap((module) => [...module.children.allTests()]);
    const count = (state: string) => tests.filter((test) => test.result().state === state).length;
    const skipped = tests.filter((test) => test.result().state === "skipped");
    // A file that cannot be loaded has no tests and fails none.
    const broken = modules.filter((module) => module.errors().length > 0).length;
    if (skipped.length > 0) {
      const names = skipped.map((test) => `  ${test.module.relativeModuleId}: ${test.fullName}`);
      console.log(`skipped suites:\n${names.join("\n")}`);
      if (process.env.CI) process.exitCode = 1;
    }
    console.log(`${count("passed")} passed, ${count("failed") + broken + unhandled.length} failed, ${skipped.length} skipped`);
  }
}
