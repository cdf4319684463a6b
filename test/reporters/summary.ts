import type { Reporter, TestModule, TestSuite } from 'vitest/node'

/**
 * Prints the whole run as one last line, alone: `12 passed, 0 failed` (and `, 1 skipped`).
 * A file or a suite that could not be collected, a hook that threw and an error that nobody
 * caught each count as one failure.
 */
export default class SummaryReporter implements Reporter {
  onTestRunEnd(testModules: ReadonlyArray<TestModule>, unhandledErrors: ReadonlyArray<unknown>) {
    const counts = { passed: 0, failed: unhandledErrors.length, skipped: 0, pending: 0 }
    for (const testModule of testModules) {
      counts.failed += brokenSuites(testModule)
      for (const test of testModule.children.allTests()) counts[test.result().state]++
    }
    // A test that an interrupted run never came to has not passed.
    counts.failed += counts.pending
    if (testModules.length === 0 && counts.failed === 0) counts.failed = 1

    const line = `${counts.passed} passed, ${counts.failed} failed`
    const summary = counts.skipped > 0 ? `${line}, ${counts.skipped} skipped` : line
    // Reporters are told side by side: the exit handler puts this line after what the others print.
    process.once('exit', () => console.log(summary))
  }
}

function brokenSuites(testModule: TestModule): number {
  const suites: (TestModule | TestSuite)[] = [testModule, ...testModule.children.allSuites()]
  return suites.filter((suite) => suite.errors().length > 0).length
}
