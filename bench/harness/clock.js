/** Milliseconds on a clock that all processes of one machine share, finer than Date.now(). */
export function now() {
  return performance.timeOrigin + performance.now();
}

/** @param {number} ms @returns {Promise<void>} */
export function pause(ms) {
  return new Promise((resolve) => setTimeout(resolve, ms));
}
