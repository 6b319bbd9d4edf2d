/** What the index keeps of a file. docs/spec/search.md, X1 to X3. */
import type { FileRow } from "../files/model.ts";
import type { FileType } from "../protocol/search.ts";
import { fileTypeOf } from "./file-type.ts";

/** Characters of text kept of a file: under D1's and the object's 2 MB a value in any script. */
export const TEXT_MAX = 256 * 1024;

export interface IndexDocument {
  file_id: string;
  parent_id: string | null;
  content_id: string | null;
  name: string;
  metadata: string;
  /** Null keeps the text that the index has, because the content is the same. */
  text: string | null;
  type: FileType;
  updated_at: number;
  /** The drive's newest sequence number when the file was read: an older state never replaces a newer one. */
  seq: number;
}

/** Snippets mark hits with U+0002 and U+0003, so no text may bring its own; NUL ends strings in SQLite. */
// oxlint-disable-next-line no-control-regex
const CONTROL = /[\u0000-\u0008\u000e-\u001f]+/g;

export function cleanText(text: string): string {
  const cut = text.slice(0, TEXT_MAX).replace(CONTROL, " ");
  return cut.isWellFormed() ? cut : cut.toWellFormed();
}

const metadataText = (metadata: FileRow["metadata"]): string =>
  Object.entries(metadata)
    .map(([key, value]) => `${key} ${value ?? ""}`)
    .join("\n");

export function toDocument(file: FileRow, text: string | null, seq: number): IndexDocument {
  const { file_id, parent_id, content_id, updated_at } = file;
  return {
    file_id,
    parent_id,
    content_id,
    updated_at,
    seq,
    name: cleanText(file.name),
    metadata: cleanText(metadataText(file.metadata)),
    text: text === null ? null : cleanText(text),
    type: fileTypeOf(file),
  };
}
