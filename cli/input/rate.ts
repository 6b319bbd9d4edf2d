import { usage } from "../exit-codes.ts";

const UNITS: Record<string, number> = { "": 1, k: 1e3, m: 1e6, g: 1e9 };

/** `500k`, `2M`, `1.5MB` a second, in bytes. @throws CliError (usage) */
export function parseRate(text: string): number {
  const [, count, unit = ""] = /^(\d+(?:\.\d+)?)\s*([kmg]?)b?(?:\/s)?$/i.exec(text) ?? [];
  const rate = Math.round(Number(count) * (UNITS[unit.toLowerCase()] ?? Number.NaN));
  if (!(rate >= 1)) throw usage(`“${text}” is not a rate, such as 500k or 2M (bytes a second).`);
  return rate;
}
