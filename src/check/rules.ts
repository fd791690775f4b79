/** Every kind of finding. The ids are stable between releases: acceptances, annotations and documentation refer to them. */
export const checkRules = {
  "payload-changed": "A payload changed without a new revision, and one side refuses what the other writes.",
  "payload-unproven":
    "A payload changed without a new revision, and nobody can prove that both sides understand each other.",
  "payload-ignored":
    "A payload changed without a new revision: nothing fails, and something that is sent is silently ignored.",
  "validator-refuses": "The schema library was updated, and its validator now refuses payloads that its schema allows.",
  "revision-added": "A payload got a new revision.",
  "revision-dropped": "A revision was dropped from the start of the chain, so its jobs can no longer be read.",
  "revision-withdrawn": "A revision that was released is no longer in the code.",
  "upgrade-fails": "An upgrade throws, or yields what the next revision refuses.",
  "downgrade-fails": "A downgrade throws, or yields what the older revision refuses.",
  "downgrade-dropped": "A revision lost its downgrade, so that workers of the revision before no longer run its jobs.",
  "task-added": "A task is new.",
  "task-deleted": "A task is gone from the code.",
  "task-renamed": "A task has a new name, and still answers to the old one.",
  "task-retired": "A task can no longer be enqueued.",
  "former-name-dropped": "A task no longer answers to a name that it had before.",
  "function-removed": "A task has lost its function, so that no worker of this code runs it.",
  "became-interruptible": "A short task became interruptible.",
  "became-short": "An interruptible task became short.",
  "queue-moved": "A task's jobs now wait in another queue.",
  "time-limit-lowered": "A short task's time limit was lowered.",
  "attempts-lowered": "A task's attempts were lowered.",
  "crash-retried": "A job whose worker died is now run again by itself.",
  "schedule-refused": "A schedule's payload does not fit its task.",
  "writer-unreadable": "A live release enqueues a revision that the new code cannot read.",
  "backlog-refused": "Jobs in production's queue would fail on the new code.",
  "recorded-refused": "What steps and iterations of half-done jobs have recorded would not be read by the new code.",
  "recorded-unclaimed": "A step that may run once is recorded of half-done jobs, and the new code does not name it.",
  "backlog-unreadable": "Jobs in production's queue are of revisions or tasks that the new code does not know.",
} as const satisfies Readonly<Record<string, string>>;

export type RuleId = keyof typeof checkRules;
