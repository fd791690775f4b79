/**
 * The gate's protocol (docs/gate.md) as a machine of small steps, so that every interleaving of them can be visited. One deployer, some
 * workers, one database. A step is what happens at once in reality: a message that is sent, a statement's snapshot, a commit, a reply that is read.
 *
 * Time is in the steps, too: a lease may end whenever its holder has not renewed it since the last time that mattered, and the one thing that is
 * assumed of clocks is that a worker doubts itself before the database takes its lease for ended (src/process/heartbeat.ts).
 */

export interface WorkerState {
  /** It exists in the database: `alive`, its lease may have `lapsed`, or it was judged `dead`. */
  readonly row: "alive" | "lapsed" | "dead";
  /** Whether its last beat is recent by its own clocks. */
  readonly sure: boolean;
  /** Stopped (SIGSTOP), or swapped out, or on a machine that sleeps. */
  readonly suspended: boolean;
  /** What it believes of the gate: it has not heard of one, it stops, or it has acknowledged. */
  readonly gate: "open" | "closing" | "acked";
  /** A claim: none, sent, past its look at the gate, committed with its reply on the way. */
  readonly claim: "none" | "sent" | "looked" | "replied";
  readonly claimSaw: "open" | "closed";
  /** Claimed and not started. */
  readonly buffered: boolean;
  readonly running: boolean;
  /** What the database has of its acknowledgement: nothing, or whether something runs. */
  readonly ack: "none" | "busy" | "idle";
}

export interface Model {
  readonly workers: readonly WorkerState[];
  readonly gate: "none" | "closing" | "safe" | "ended";
  /** The gate's lease has run out by the database's clock. */
  readonly expired: boolean;
  readonly deployer: "idle" | "holding" | "gone";
}

/** Ways to get the protocol wrong, each of which the search must find. */
export type Flaw =
  | "acknowledges while a claim is in flight"
  | "acknowledges with jobs in its buffer"
  | "takes the gate for open when its lease has run out"
  | "starts without looking at its clocks"
  | "counts a silent process as gone"
  | "claims without looking at the gate";

export const promises = {
  start: "a job started between the verdict and the gate's end",
  unstarted: "at the verdict a worker held a job that it had claimed and not started",
};

export interface Step {
  readonly name: string;
  readonly next: Model;
  /** What a promise forbids, where this step does it. */
  readonly broken?: string;
}

const newborn: WorkerState = {
  row: "alive",
  sure: true,
  suspended: false,
  gate: "open",
  claim: "none",
  claimSaw: "open",
  buffered: false,
  running: false,
  ack: "none",
};

export function beginning(workers: number): Model {
  return { workers: Array.from({ length: workers }, () => newborn), gate: "none", expired: false, deployer: "idle" };
}

/** Everything that may happen next. */
export function stepsOf(model: Model, flaw?: Flaw): Step[] {
  return [...deployerSteps(model, flaw), ...model.workers.flatMap((_, index) => workerSteps(model, index, flaw))];
}

/** The same for the same state, whichever worker is in which. */
export function keyOf({ workers, gate, expired, deployer }: Model): string {
  return `${gate} ${expired} ${deployer} ${workers
    .map((worker) => Object.values(worker).join())
    .sort()
    .join(" ")}`;
}

function inForce({ gate }: Model): boolean {
  return gate === "closing" || gate === "safe";
}

function deployerSteps(model: Model, flaw?: Flaw): Step[] {
  const { gate, deployer, workers, expired } = model;
  const steps: Step[] = [];
  const step = (name: string, change: Partial<Model>, broken?: string) =>
    steps.push({ name, next: { ...model, ...change }, ...(broken !== undefined && { broken }) });
  if (gate === "none" && deployer === "idle") step("close", { gate: "closing", deployer: "holding" });
  if (inForce(model)) {
    if (deployer === "holding") {
      step("die", { deployer: "gone" });
      if (gate === "closing" && workers.every((worker) => isDone(worker, flaw)))
        step("judge", { gate: "safe" }, workers.some(holdsUnstarted) ? promises.unstarted : undefined);
      step("finish", { gate: "ended", deployer: "gone" });
      if (expired) step("renew", { expired: false });
    }
    if (!expired) step("the gate's lease ends", { expired: true });
  }
  return steps;
}

/** It has said that it is done, and has a job that it has not started: a restart would then look like a crash in the middle of it. */
function holdsUnstarted({ row, ack, claim, claimSaw, buffered }: WorkerState): boolean {
  const isClaiming = (claim === "looked" || claim === "replied") && claimSaw === "open";
  return row !== "dead" && ack === "idle" && (isClaiming || buffered);
}

/** Of the verdict's statement: this process keeps nobody waiting. */
function isDone({ row, ack }: WorkerState, flaw?: Flaw): boolean {
  return ack === "idle" || row === "dead" || (flaw === "counts a silent process as gone" && row === "lapsed");
}

function workerSteps(model: Model, index: number, flaw?: Flaw): Step[] {
  const worker = model.workers[index] as WorkerState;
  const steps: Step[] = [];
  const step = (name: string, change: Partial<WorkerState>, whole: Partial<Model> = {}, broken?: string) =>
    steps.push({
      name: `worker ${index + 1}: ${name}`,
      next: {
        ...model,
        ...whole,
        workers: model.workers.map((each, place) => (place === index ? { ...each, ...change } : each)),
      },
      ...(broken !== undefined && { broken }),
    });
  const { row, sure, suspended, gate, claim, claimSaw, buffered, running } = worker;
  const byTheClock = model.expired && flaw === "takes the gate for open when its lease has run out";
  const takesForOpen = byTheClock || flaw === "claims without looking at the gate";

  // the database's side of a claim goes on whatever becomes of its client
  if (claim === "sent")
    step("its claim looks at the gate", {
      claim: "looked",
      claimSaw: inForce(model) && !takesForOpen ? "closed" : "open",
    });
  if (claim === "looked") step("its claim commits", { claim: "replied" });

  // clocks: it doubts itself before its lease ends
  if (sure) step("its last beat grows old", { sure: false });
  if (!sure && row === "alive") step("its lease ends", { row: "lapsed" });
  if (row === "lapsed") step("is judged dead", { row: "dead" });

  if (suspended) {
    step("wakes up", { suspended: false });
    return steps;
  }
  step("is suspended", { suspended: true });
  if (row !== "dead" && (!sure || row === "lapsed")) step("beats", { row: "alive", sure: true });
  if (row === "dead" && !sure && !running) {
    // a new incarnation: it has forgotten what it had claimed, and has acknowledged nothing
    step("comes back as another process", newborn);
  }

  const maySure = sure || flaw === "starts without looking at its clocks";
  if (gate === "open" && claim === "none" && !buffered && !running && maySure && row !== "dead")
    step("sends a claim", { claim: "sent" });
  if (claim === "replied")
    step(
      "reads the reply of its claim",
      claimSaw === "open" && gate === "open" ? { claim: "none", buffered: true } : { claim: "none" },
    );
  if (buffered && gate === "open" && maySure)
    step("starts a job", { buffered: false, running: true }, {}, model.gate === "safe" ? promises.start : undefined);
  if (buffered && gate !== "open") step("hands its buffer back", { buffered: false });
  if (running) step("ends its job", { running: false });

  if (gate === "open" && inForce(model)) step("hears of the gate", { gate: "closing" });
  const mayAcknowledge =
    (claim === "none" || flaw === "acknowledges while a claim is in flight") &&
    (!buffered || flaw === "acknowledges with jobs in its buffer");
  if (gate === "closing" && mayAcknowledge && inForce(model) && row !== "dead")
    step("acknowledges", { gate: "acked", ack: running ? "busy" : "idle" });
  if (gate === "acked" && !running && worker.ack === "busy" && row !== "dead") step("reports", { ack: "idle" });

  if (inForce(model) && model.expired) step("lapses the gate", {}, { gate: "ended" });
  if (gate !== "open" && (!inForce(model) || byTheClock)) step("opens", { gate: "open" });
  return steps;
}
