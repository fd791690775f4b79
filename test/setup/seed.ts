import fc from "fast-check";

/**
 * Properties are tried on the same values each time: a test that fails has been made to fail by what was changed, and not by its luck. `SEED` tries others,
 * and a property that fails tells the seed that it failed with.
 */
fc.configureGlobal({ seed: Number(process.env.SEED ?? 1) });
