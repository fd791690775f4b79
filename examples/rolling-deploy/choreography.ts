import { setTimeout as pause } from "node:timers/promises";
import type { DemoFleet, ReleaseName } from "./fleet.ts";

const webs = ["web 1", "web 2"];
const workers = ["worker 1", "worker 2", "worker 3"];

/** The deploy and the rollback, step by step, on all fleets side by side. */
export async function perform(
  fleets: readonly DemoFleet[],
  onStep: (caption: string) => void,
  drained: () => Promise<void>,
): Promise<void> {
  const each = (step: (fleet: DemoFleet) => Promise<void>) => Promise.all(fleets.map(step));
  const restartAll = async (names: readonly string[], release: ReleaseName) => {
    for (const name of names) {
      onStep(`${name} restarts as ${release}`);
      await each((fleet) => fleet.restart(name, release));
    }
  };

  onStep("release N starts: perform(id, message)");
  await each(async (fleet) => {
    await Promise.all([...webs, ...workers].map((name) => fleet.start(name, "N")));
  });
  onStep("steady traffic on release N");
  await pause(1_500);

  onStep("deploy of N+1: perform(id, message, date)");
  await restartAll(webs, "N+1");
  onStep("case 1: N+1 payloads, and only workers of N");
  await pause(1_500);
  await restartAll(workers.slice(0, 1), "N+1");
  onStep("worker 2 is killed with kill -9 in the middle of its work");
  await each((fleet) => fleet.kill("worker 2"));
  await each((fleet) => fleet.start("worker 2", "N+1"));
  await restartAll(workers.slice(2), "N+1");
  onStep("case 2: N payloads are left, and only workers of N+1");
  await pause(1_500);

  onStep("rollback to N");
  await restartAll(webs, "N");
  await restartAll(workers, "N");
  onStep("case 3: N+1 payloads are left, and only workers of N");
  await pause(1_000);

  onStep("traffic stops, the backlog drains");
  await each(async (fleet) => {
    await Promise.all(webs.map((name) => fleet.stop(name)));
  });
  await drained();
  await each(async (fleet) => {
    await Promise.all(workers.map((name) => fleet.stop(name)));
  });
}
