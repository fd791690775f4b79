import { subscribe, unsubscribe } from "node:diagnostics_channel";
import { onTestFinished } from "vitest";
import type { TaskmasterEvent } from "../../src/engine/events.ts";

type Named<Name extends TaskmasterEvent["event"]> = Extract<TaskmasterEvent, { event: Name }>;

/** Records what happens in this process during a test, and waits for what will. */
export class Events {
  readonly all: TaskmasterEvent[] = [];
  readonly #waiting = new Set<() => void>();

  constructor() {
    const listen = (event: unknown) => {
      this.all.push(event as TaskmasterEvent);
      for (const look of this.#waiting) look();
    };
    subscribe("taskmaster", listen);
    onTestFinished(() => {
      unsubscribe("taskmaster", listen);
    });
  }

  of<Name extends TaskmasterEvent["event"]>(name: Name): Named<Name>[] {
    return this.all.filter((event): event is Named<Name> => event.event === name);
  }

  /** Resolves with the first events of a name, as soon as there are that many that fit; also where they came before. */
  next<Name extends TaskmasterEvent["event"]>(
    name: Name,
    fits: (event: Named<Name>) => boolean = () => true,
    count = 1,
  ): Promise<Named<Name>[]> {
    return new Promise((resolve, reject) => {
      const deadline = setTimeout(() => {
        this.#waiting.delete(look);
        reject(
          new Error(
            `${count} × ${name} did not happen within 60 s; there were: ${this.all
              .map(({ event }) => event)
              .join(", ")
              .slice(-2_000)}`,
          ),
        );
      }, 60_000);
      const look = () => {
        const found = this.of(name).filter(fits);
        if (found.length < count) return;
        clearTimeout(deadline);
        this.#waiting.delete(look);
        resolve(found);
      };
      this.#waiting.add(look);
      look();
    });
  }
}
