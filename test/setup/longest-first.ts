import { BaseSequencer, type TestSpecification } from "vitest/node";

/**
 * Those that take longest, the longest first: else one of them would start as the last, and run alone at the end. Without a word of it Vitest takes the
 * largest files first, and how long a file is says nothing of how long it waits for processes.
 */
const longest = [
  "test/promises/demonstration.test.ts",
  "test/promises/gate.test.ts",
  "test/docs/examples.test.ts",
  "test/rooms/packaging/types.test.ts",
  "test/rooms/packaging/tarball.test.ts",
  "test/rooms/cli/check.test.ts",
  "test/promises/random-histories.test.ts",
  "test/promises/interruption.test.ts",
  "test/promises/gate-trials.test.ts",
  "test/rooms/cli/deploy.test.ts",
  "test/promises/gate-model.test.ts",
  "test/rooms/cli/cli.test.ts",
  "test/promises/crash.test.ts",
  "test/rooms/testing/kill-process.test.ts",
  "test/rooms/check/random.test.ts",
  "test/rooms/check/affected.test.ts",
  "test/rooms/embedded/folders.test.ts",
  "test/rooms/embedded/sharing.test.ts",
  "test/rooms/embedded/crashes.test.ts",
  "test/rooms/contract/wire-compatibility.test.ts",
];

export class LongestFirst extends BaseSequencer {
  override async sort(files: TestSpecification[]): Promise<TestSpecification[]> {
    const rank = ({ moduleId }: TestSpecification) => {
      const index = longest.findIndex((name) => moduleId.endsWith(`/${name}`));
      return index === -1 ? longest.length : index;
    };
    return (await super.sort(files)).sort((one, other) => rank(one) - rank(other));
  }
}
