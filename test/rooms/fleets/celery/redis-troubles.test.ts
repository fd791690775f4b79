import { troubles } from "./troubles.ts";

await troubles("redis");
