/** How hits are ordered. docs/spec/search.md, X5. */
import { DAY } from "../time.ts";

/** Weights of the columns name, metadata, text for bm25 (sqlite.org/fts5.html, 5.1.1). */
export const COLUMN_WEIGHTS = [10, 4, 1] as const;

/** After this long a file's newness counts half. */
const HALF_LIFE_DAYS = 60;

export interface Ranked {
  name: string;
  /** As SQLite gives it: the better, the smaller; below zero. */
  bm25: number;
  updated_at: number;
}

const plain = (text: string): string =>
  text
    .normalize("NFD")
    .replace(/\p{M}+/gu, "")
    .toLowerCase();

/** 1 when the name is just what was typed, less when it only has the words or begins with them. */
export function nameMatch(name: string, words: readonly string[]): number {
  const folded = plain(name);
  const stem = folded.replace(/\.[^.]+$/, "");
  const typed = words.map(plain);
  if (stem === typed.join(" ") || folded === typed.join(" ")) return 1;
  const parts: string[] = folded.match(/[\p{L}\p{N}]+/gu) ?? [];
  if (typed.every((word) => parts.includes(word))) return 0.6;
  if (typed.every((word) => parts.some((part) => part.startsWith(word)))) return 0.4;
  return 0;
}

/** Text match, lifted by the name and, a little, by newness. Higher is better; comparable between drives only roughly. */
export function score(hit: Ranked, words: readonly string[], now: number): number {
  const text = -hit.bm25 / (1 - hit.bm25);
  const age = Math.max(0, now - hit.updated_at) / DAY;
  const newness = HALF_LIFE_DAYS / (HALF_LIFE_DAYS + age);
  return text + 2 * nameMatch(hit.name, words) + 0.25 * newness;
}
