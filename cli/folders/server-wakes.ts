import { Live } from "../../client/index.ts";
import type { Drive } from "../drive/drive.ts";

/** Wakes when the server has something new, and when it is there again. The engine reads what it is. @returns how to end it */
export function serverWakes({ origin, session }: Drive, wake: () => void): () => void {
  const live = new Live({
    session,
    sync: {
      async changes() {
        wake();
        return { changes: [], next_cursor: "read by the engine", has_more: false };
      },
    },
    socket_origin: origin.replace(/^http/, "ws"),
    cursor: "read by the engine",
    onChanges: () => undefined,
    onGap: () => undefined,
  });
  live.start();
  return () => live.stop();
}
