/** From so many jobs on, a lane's part of a claim is worth the search that it costs. */
const worthSearch = 16;

export interface Shares {
  /** Which lanes, by their place among those that share. */
  readonly places: readonly number[];
  /** How many jobs of each. */
  readonly quotas: readonly number[];
  /** Where the next claim goes on. */
  readonly next: number;
}

/**
 * Shares out a claim's room among lanes of one rank in equal parts. Where there are many they take turns, because a claim searches every lane
 * that it names: as many at once as jobs can start at once, or more where each still gets a number that is worth the search.
 *
 * @param room how many jobs the claim may bring, 1 or more
 * @param options.lanes how many lanes share, 1 or more
 * @param options.breadth how many jobs run at once
 * @param options.from where the last claim ended, any place
 */
export function shareOut(
  room: number,
  { lanes, breadth, from }: { readonly lanes: number; readonly breadth: number; readonly from: number },
): Shares {
  const atOnce = Math.min(lanes, room, Math.max(breadth, Math.ceil(room / worthSearch)));
  const first = from % lanes;
  const share = Math.floor(room / atOnce);
  const rest = room % atOnce;
  return {
    places: Array.from({ length: atOnce }, (_, index) => (first + index) % lanes),
    quotas: Array.from({ length: atOnce }, (_, index) => share + (index < rest ? 1 : 0)),
    next: first + atOnce,
  };
}
