import { troubles } from "./troubles.ts";

await troubles("amqp");
