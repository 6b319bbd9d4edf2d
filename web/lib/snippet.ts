export interface SnippetPiece {
  text: string;
  hit: boolean;
}

const OPEN = "\u0002";
const CLOSE = "\u0003";

/** Splits a search snippet at its marks: U+0002 opens a hit, U+0003 closes it. Text stays text: no HTML is made of it. */
export function snippetPieces(snippet: string): SnippetPiece[] {
  const [before = "", ...opened] = snippet.split(OPEN);
  const pieces = [{ text: before, hit: false }];
  for (const part of opened) {
    const [text = "", ...after] = part.split(CLOSE);
    pieces.push({ text, hit: true }, { text: after.join(""), hit: false });
  }
  return pieces.filter((piece) => piece.text !== "");
}
