import { usage } from "../exit-codes.ts";

const SECONDS: Record<string, number> = { s: 1, m: 60, h: 3600, d: 86_400, w: 604_800 };

/** `90m`, `12h`, `7d` in seconds. @throws CliError (usage) */
export function parseDuration(text: string): number {
  const [, count, unit] = /^(\d+)([smhdw])$/.exec(text) ?? [];
  const seconds = Number(count) * (SECONDS[unit ?? ""] ?? Number.NaN);
  if (!(seconds >= 1)) throw usage(`“${text}” is not a length of time, such as 90m, 12h or 7d.`);
  return seconds;
}
