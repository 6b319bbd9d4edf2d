/**
 * What a person typed, as an FTS5 expression (sqlite.org/fts5.html, section 3). Every word goes into quotes, so nothing
 * that is typed is ever syntax. docs/spec/search.md, X4.
 */

/** Words looked at: more make a query no better, only slower. */
const WORDS_MAX = 12;

/** What the index's tokenizer (unicode61) takes for parts of a word. */
const WORD = /[\p{L}\p{N}\p{M}\p{Co}]+/gu;
/** `"a phrase"`, or anything without spaces; a minus in front excludes. An open quote ends with the text. */
const PART = /(-?)(?:"([^"]*)"?|([^\s"]+))/g;

const words = (text: string): string[] => text.match(WORD) ?? [];
const quote = (text: string): string => `"${text}"`;

export interface ParsedQuery {
  /** For `match`. */
  expression: string;
  /** The wanted words, lower case: to compare with names. */
  words: string[];
}

interface Term {
  excluded: boolean;
  text: string;
  words: string[];
}

function* terms(input: string): Generator<Term> {
  for (const [, minus, phrase, bare] of input.matchAll(PART)) {
    const excluded = minus === "-";
    const found = words(phrase ?? bare ?? "");
    if (found.length === 0) continue;
    // A phrase matches as it stands; of bare words such as `report-2024.pdf` each counts, and each is a beginning.
    if (phrase !== undefined) yield { excluded, text: quote(found.join(" ")), words: found };
    else for (const word of found) yield { excluded, text: `${quote(word)} *`, words: [word] };
  }
}

/** Null when nothing is left to look for, such as of `"!?"` or `-draft` alone. */
export function parseQuery(input: string): ParsedQuery | null {
  const all = [...terms(input.normalize("NFC"))].slice(0, WORDS_MAX);
  const wanted = all.filter((t) => !t.excluded);
  if (wanted.length === 0) return null;
  const excluded = all.filter((t) => t.excluded).map((t) => t.text);
  const base = `(${wanted.map((t) => t.text).join(" AND ")})`;
  return {
    expression: excluded.length === 0 ? base : `${base} NOT (${excluded.join(" OR ")})`,
    words: wanted.flatMap((t) => t.words).map((w) => w.toLowerCase()),
  };
}

/** Names that begin so, for suggestions. */
export function parseSuggestion(input: string): string | null {
  const parsed = parseQuery(input);
  return parsed === null ? null : `name : ${parsed.expression}`;
}
