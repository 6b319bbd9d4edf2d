/** Two texts compared by lines. docs/spec/versions.md, V1 to V3. */
import { FILE_HEADERS_ONLY, formatPatch, structuredPatch, type StructuredPatchHunk } from "diff";

/** Lines around a change that show where it is: what `diff -u` gives. */
const CONTEXT = 3;
/** Lines of both texts times the edit distance that is looked for: about a second of CPU time at the worst. */
const WORK_MAX = 100_000_000;
/** Edits looked for: the search keeps what grows with their square. */
const DISTANCE_MAX = 1_500;

const NO_NEWLINE = "\\ No newline at end of file";

export interface TextDiff {
  hunks: StructuredPatchHunk[];
  /** False when the texts are so far apart that the change is shown as one block. Correct all the same. */
  minimal: boolean;
}

export function diffTexts(from: string, to: string): TextDiff {
  const [before, after] = [linesOf(from), linesOf(to)];
  const work = Math.floor(WORK_MAX / Math.max(1, before.length + after.length));
  const options = { context: CONTEXT, maxEditLength: Math.min(DISTANCE_MAX, work) };
  const patch = structuredPatch("", "", from, to, undefined, undefined, options);
  if (patch !== undefined) return { hunks: patch.hunks, minimal: true };
  return { hunks: [replaced(before, after)], minimal: false };
}

/** With their ends; the last one may have none. */
const linesOf = (text: string): string[] => text.match(/[^\n]*\n|[^\n]+$/g) ?? [];

/** One hunk from the first line that differs to the last. */
function replaced(before: readonly string[], after: readonly string[]): StructuredPatchHunk {
  const shorter = Math.min(before.length, after.length);
  let head = 0;
  while (head < shorter && before[head] === after[head]) head++;
  let tail = 0;
  while (tail < shorter - head && before.at(-1 - tail) === after.at(-1 - tail)) tail++;
  const start = Math.max(0, head - CONTEXT);
  const more = Math.min(tail, CONTEXT);
  const [oldEnd, newEnd] = [before.length - tail, after.length - tail];
  const lines = [
    ...marked(" ", before.slice(start, head)),
    ...marked("-", before.slice(head, oldEnd)),
    ...marked("+", after.slice(head, newEnd)),
    ...marked(" ", before.slice(oldEnd, oldEnd + more)),
  ];
  const [oldLines, newLines] = [oldEnd + more - start, newEnd + more - start];
  return { oldStart: start + 1, oldLines, newStart: start + 1, newLines, lines };
}

const marked = (mark: string, lines: readonly string[]): string[] =>
  lines.flatMap((line) => (line.endsWith("\n") ? [mark + line.slice(0, -1)] : [mark + line, NO_NEWLINE]));

/** A patch as `patch -p1` and `git apply` take it; empty when the texts are equal. */
export function toUnified({ hunks }: TextDiff, name: string): string {
  if (hunks.length === 0) return "";
  const patch = {
    oldFileName: `a/${name}`,
    newFileName: `b/${name}`,
    oldHeader: undefined,
    newHeader: undefined,
    hunks,
  };
  return formatPatch(patch, FILE_HEADERS_ONLY);
}

export interface DiffLine {
  /** From 1. */
  number: number;
  text: string;
}

/** A line on one side or on both; equal when `changed` is false. */
export interface DiffRow {
  changed: boolean;
  left: DiffLine | null;
  right: DiffLine | null;
}

export interface SideBySideHunk {
  left_start: number;
  right_start: number;
  rows: DiffRow[];
}

/** Removed lines beside the added ones that took their place. */
export const toSideBySide = ({ hunks }: TextDiff): SideBySideHunk[] =>
  hunks.map(({ oldStart, newStart, lines }) => ({
    left_start: oldStart,
    right_start: newStart,
    rows: rowsOf(oldStart, newStart, lines),
  }));

function rowsOf(oldStart: number, newStart: number, lines: readonly string[]): DiffRow[] {
  const rows: DiffRow[] = [];
  const [removed, added]: [DiffLine[], DiffLine[]] = [[], []];
  const flush = (): void => {
    for (let i = 0; i < Math.max(removed.length, added.length); i++)
      rows.push({ changed: true, left: removed[i] ?? null, right: added[i] ?? null });
    removed.length = 0;
    added.length = 0;
  };
  let [left, right] = [oldStart, newStart];
  for (const line of lines) {
    const text = line.slice(1);
    if (line.startsWith("-")) removed.push({ number: left++, text });
    else if (line.startsWith("+")) added.push({ number: right++, text });
    else if (line.startsWith(" ")) {
      flush();
      rows.push({ changed: false, left: { number: left++, text }, right: { number: right++, text } });
    }
  }
  flush();
  return rows;
}
