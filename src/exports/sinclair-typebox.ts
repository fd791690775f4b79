/**
 * Payloads described by TypeBox, version 0.34: the package `@sinclair/typebox`.
 *
 * @example
 * import { Type } from "@sinclair/typebox";
 * import { task } from "taskmaster";
 * import { typebox } from "taskmaster/sinclair-typebox";
 *
 * export const confirmUser = task("user.confirm")
 *   .payload(typebox(Type.Object({ id: Type.Integer(), message: Type.String() })))
 *   .short(async ({ id, message }) => sendConfirmation(id, message));
 *
 * @module
 */
export { type TypeBoxSchema, typebox } from "../adapters/sinclair-typebox.ts";
