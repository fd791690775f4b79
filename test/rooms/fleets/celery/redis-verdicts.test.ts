import { verdicts } from "./verdicts.ts";

await verdicts("redis");
