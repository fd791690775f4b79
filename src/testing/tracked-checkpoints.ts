import type { HeldCheckpoint } from "../engine/checkpoint.ts";
import { Checkpoints } from "../worker/steps/checkpoints.ts";
import { TrackedRun } from "./tracked-run.ts";

/** Records of steps as effects. Places of iterations are none: when they are recorded depends on the clock. */
export class TrackedCheckpoints extends Checkpoints {
  override write(checkpoint: HeldCheckpoint): Promise<boolean> {
    const run = TrackedRun.current;
    const perform = () => super.write(checkpoint);
    if (run === undefined) return perform();
    if (checkpoint.kind === "each") return run.wait(perform);
    return run.effect("step", checkpoint.kind === "begun" ? `${checkpoint.name} (begins)` : checkpoint.name, perform);
  }
}
