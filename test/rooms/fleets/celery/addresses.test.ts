import { expect } from "vitest";
import { brokers } from "../../../setup/brokers.ts";
import { Project } from "../../../setup/command-line.ts";
import { runOn } from "./scene.ts";

const run = await runOn("amqp");

run("wrong addresses say what is wrong with them", async () => {
  const project = new Project("", {});
  const say = async (address: string) =>
    (await project.call(["deploy", "status", "--fleet", `celery=${address}`])).stderr;
  const { host } = new URL(brokers.amqp);
  expect(await say(`amqp://guest:wrong@${host}/`)).toMatch(/refuses the credentials: .*[^.]\. Write them/);
  expect(await say(`amqp://guest:wrong@${host}/`)).not.toMatch(/wrong@/);
  expect(await say(`pyamqp://guest:wrong@${host}//`)).toMatch(/refuses the credentials/); // as Celery's own pages write it
  expect(await say(`amqp://${host}/there-is-none`)).toMatch(/no virtual host there-is-none/);
  expect(await say("amqp://127.0.0.1:1/")).toMatch(/nothing listens there/);
  expect(await say("sqs://")).toMatch(/begins with amqp/);
});
