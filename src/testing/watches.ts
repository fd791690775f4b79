import { watchCauses } from "./lines.ts";
import { watchEnqueues } from "./watch-enqueues.ts";
import { watchFiles } from "./watch-files.ts";
import { watchHttp } from "./watch-http.ts";
import { watchPostgres } from "./watch-postgres.ts";
import { watchRedis } from "./watch-redis.ts";
import { watchSockets } from "./watch-sockets.ts";
import { watchUndici } from "./watch-undici.ts";

/** Puts all watches on, so that effects of tracked runs are counted; answers how to take them off. */
export async function watchAll(): Promise<() => void> {
  const undo = [
    watchPostgres(),
    watchRedis(),
    watchHttp(),
    watchUndici(),
    watchSockets(),
    await watchFiles(),
    watchEnqueues(),
    watchCauses(),
  ];
  return () => {
    for (const each of undo.reverse()) each();
  };
}
