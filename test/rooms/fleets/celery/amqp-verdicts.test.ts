import { verdicts } from "./verdicts.ts";

await verdicts("amqp");
