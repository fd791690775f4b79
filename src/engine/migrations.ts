import { queue } from "./migrations/0001-queue.ts";
import { registry } from "./migrations/0002-registry.ts";
import { schedules } from "./migrations/0003-schedules.ts";
import { gate } from "./migrations/0004-gate.ts";
import { steps } from "./migrations/0005-steps.ts";
import { claims } from "./migrations/0006-claims.ts";
import { deployWindow } from "./migrations/0007-deploy-window.ts";
import { chains } from "./migrations/0008-chains.ts";
import { line } from "./migrations/0009-line.ts";
import { liveProcess } from "./migrations/0010-live-process.ts";
import { writtenNow } from "./migrations/0011-written-now.ts";
import { stretches } from "./migrations/0012-stretches.ts";
import { unstarted } from "./migrations/0013-unstarted.ts";
import { enqueueWithin } from "./migrations/0014-enqueue-within.ts";
import { enqueueTells } from "./migrations/0015-enqueue-tells.ts";

interface Migration {
  readonly version: number;
  readonly name: string;
  readonly text: string;
  /** The oldest schema version whose code still works after this migration. */
  readonly oldest: number;
}

/** All migrations, in their order. The last one's version stands in migrate.ts too. */
export const migrations: readonly Migration[] = [
  { version: 1, name: "queue", text: queue, oldest: 1 },
  { version: 2, name: "registry", text: registry, oldest: 1 },
  { version: 3, name: "schedules", text: schedules, oldest: 1 },
  { version: 4, name: "gate", text: gate, oldest: 1 },
  { version: 5, name: "steps", text: steps, oldest: 1 },
  { version: 6, name: "claims", text: claims, oldest: 1 },
  { version: 7, name: "deploy-window", text: deployWindow, oldest: 1 },
  { version: 8, name: "chains", text: chains, oldest: 1 },
  { version: 9, name: "line", text: line, oldest: 1 },
  { version: 10, name: "live-process", text: liveProcess, oldest: 1 },
  { version: 11, name: "written-now", text: writtenNow, oldest: 1 },
  { version: 12, name: "stretches", text: stretches, oldest: 1 },
  { version: 13, name: "unstarted", text: unstarted, oldest: 1 },
  { version: 14, name: "enqueue-within", text: enqueueWithin, oldest: 1 },
  { version: 15, name: "enqueue-tells", text: enqueueTells, oldest: 1 },
];
