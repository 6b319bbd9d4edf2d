import { UsageError } from "./cli.ts";

/** @returns milliseconds since the epoch. @throws UsageError */
export function parseMoment(text: string | undefined): number | undefined {
  if (text === undefined) return undefined;
  const at = Date.parse(text);
  if (!Number.isFinite(at)) throw new UsageError(`--at wants a time such as 2026-11-20T12:00:00Z, and not "${text}".`);
  return at;
}
