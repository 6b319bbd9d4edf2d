import type { ChildProcess } from "node:child_process";
import { subscribe, unsubscribe } from "node:diagnostics_channel";

/**
 * Follows the processes that a library starts, which has no call to ask for them (Miniflare and its workerd).
 *
 * @param onChange called with the numbers of those that live, whenever one starts or ends
 */
export function followChildren(isMatch: (file: string) => boolean, onChange: (pids: number[]) => void): () => void {
  const live = new Set<number>();
  const listener = (message: unknown): void => {
    const { process: child } = message as { process: ChildProcess };
    child.once("spawn", () => {
      const { pid, spawnfile } = child;
      if (pid === undefined || !isMatch(spawnfile)) return;
      live.add(pid);
      onChange([...live]);
      child.once("exit", () => {
        live.delete(pid);
        onChange([...live]);
      });
    });
  };
  subscribe("child_process", listener);
  return () => void unsubscribe("child_process", listener);
}
