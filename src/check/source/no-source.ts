/** Thrown and caught in this folder alone: a schema says more than can be written in a library's code. */
export class NoSource extends Error {}
