/**
 * Payloads described by TypeBox, version 1: the package `typebox`.
 *
 * @example
 * import Type from "typebox";
 * import { task } from "taskmaster";
 * import { typebox } from "taskmaster/typebox";
 *
 * export const confirmUser = task("user.confirm")
 *   .payload(typebox(Type.Object({ id: Type.Integer(), message: Type.String() })))
 *   .short(async ({ id, message }) => sendConfirmation(id, message));
 *
 * @module
 */
export { type TypeBoxSchema, typebox } from "../adapters/typebox.ts";
