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

/**
 * One letter is the beginning of a good part of all words, of which the index would have to read every place. Signs that
 * are words of their own are none of these.
 */
const SHORT = /^(?![\p{scx=Han}\p{scx=Hiragana}\p{scx=Katakana}\p{scx=Hangul}])[^]$/u;

const words = (text: string): string[] => text.match(WORD) ?? [];
const quote = (text: string): string => `"${text}"`;

export interface ParsedQuery {
  /** For `match`; null when only single letters were typed, which are looked for in names alone. */
  expression: string | null;
  /** The wanted words, lower case: to compare with names. */
  words: string[];
}

interface Term {
  excluded: boolean;
  /** A single letter that is the beginning of a word. */
  isShort: boolean;
  text: string;
  words: string[];
}

function* terms(input: string): Generator<Term> {
  for (const [, minus, phrase, bare] of input.matchAll(PART)) {
    const excluded = minus === "-";
    const found = words(phrase ?? bare ?? "");
    if (found.length === 0) continue;
    // A phrase matches as it stands; of bare words such as `report-2024.pdf` each counts, and each is a beginning.
    if (phrase !== undefined) yield { excluded, isShort: false, text: quote(found.join(" ")), words: found };
    else
      for (const word of found) {
        const isShort = SHORT.test(word);
        // Excluded, a single letter is a word: nobody means all words that begin so.
        yield { excluded, isShort, text: isShort ? quote(word) : `${quote(word)} *`, words: [word] };
      }
  }
}

/** Null when nothing is left to look for, such as of `"!?"` or `-draft` alone. */
export function parseQuery(input: string): ParsedQuery | null {
  const all = [...terms(input.normalize("NFC"))].slice(0, WORDS_MAX);
  const wanted = all.filter((t) => !t.excluded);
  if (wanted.length === 0) return null;
  const excluded = all.filter((t) => t.excluded).map((t) => t.text);
  const long = wanted.filter((t) => !t.isShort);
  const base = `(${long.map((t) => t.text).join(" AND ")})`;
  const expression = excluded.length === 0 ? base : `${base} NOT (${excluded.join(" OR ")})`;
  return {
    expression: long.length === 0 ? null : expression,
    words: wanted.flatMap((t) => t.words).map((w) => w.toLowerCase()),
  };
}

/** The same in names only, for suggestions. */
export function parseSuggestion(input: string): ParsedQuery | null {
  const parsed = parseQuery(input);
  return parsed === null || parsed.expression === null
    ? parsed
    : { ...parsed, expression: `name : ${parsed.expression}` };
}
