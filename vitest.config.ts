import { fileURLToPath } from "node:url";
import { defineConfig } from "vitest/config";
import { LongestFirst } from "./test/setup/longest-first.ts";

/** The tests of existing queues take minutes, because Celery's workers do: `npm run test:fleets`, and CI. */
const fleets = "test/rooms/fleets/**/*.test.ts";
const isFleets = process.env.TASKMASTER_TEST_FLEETS === "1";

const at = (path: string) => fileURLToPath(new URL(path, import.meta.url));

export default defineConfig({
  resolve: {
    alias: [
      { find: /^taskmaster$/, replacement: at("./src/exports/taskmaster.ts") },
      { find: /^taskmaster\/(.*)$/, replacement: at("./src/exports/$1.ts") },
    ],
  },
  test: {
    include: isFleets ? [fleets] : ["test/**/*.test.ts"],
    exclude: isFleets ? [] : [fleets],
    globalSetup: ["test/setup/server.ts"],
    setupFiles: ["test/setup/seed.ts"],
    sequence: { sequencer: LongestFirst },
    testTimeout: 120_000, // far more than any takes: a machine may be busy with something else
    hookTimeout: 120_000,
    pool: "forks",
    maxWorkers: isFleets ? 5 : 3, // those of existing queues wait for workers most of the time
  },
});
