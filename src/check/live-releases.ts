import type { LiveTask, Production } from "../engine/production.ts";

/** What a live release reads and writes. */
export interface LiveRelease {
  readonly release: string;
  readonly workers: number;
  readonly producers: number;
  /** By the name that jobs carry. */
  readonly tasks: Readonly<Record<string, LiveRevisions>>;
}

export interface LiveRevisions {
  /** The oldest and the newest revision that its workers read; absent where it has no worker of the task. */
  readonly reads?: readonly [oldest: number, newest: number];
  /** The revision that it enqueues; absent for a former name and a retired task. */
  readonly writes?: number;
}

export function liveReleases({ processes }: Production): LiveRelease[] {
  const names = [...new Set(processes.map(({ release }) => release))];
  return names.map((release) => {
    const mine = processes.filter((each) => each.release === release);
    const tasks = [...new Set(mine.map(({ task }) => task))];
    return {
      release,
      workers: countOf(mine, "worker"),
      producers: countOf(mine, "producer"),
      tasks: Object.fromEntries(tasks.map((task) => [task, revisionsOf(mine.filter((each) => each.task === task))])),
    };
  });
}

function countOf(processes: readonly LiveTask[], role: LiveTask["role"]): number {
  return new Set(processes.filter((each) => each.role === role).map(({ process }) => process)).size;
}

function revisionsOf(processes: readonly LiveTask[]): LiveRevisions {
  const readers = processes.filter(({ reads }) => reads);
  const writers = processes.filter(({ writes }) => writes);
  return {
    ...(readers.length > 0 && {
      reads: [Math.min(...readers.map(({ lo }) => lo)), Math.max(...readers.map(({ hi }) => hi))] as const,
    }),
    ...(writers.length > 0 && { writes: Math.max(...writers.map(({ hi }) => hi)) }),
  };
}
