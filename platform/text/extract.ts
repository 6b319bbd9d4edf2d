import type { FileRow } from "../../core/files/model.ts";
import { fileTypeOf } from "../../core/search/file-type.ts";
import { decodeText, PDF_MAX, TEXT_BYTES_MAX } from "../../core/search/text.ts";
import { extractPdfText } from "./pdf.ts";

/** Reads the first `length` bytes of the file's content. */
export type ReadBytes = (length: number) => Promise<Uint8Array>;

export interface Extracted {
  text: string;
  /** Of a PDF, those that were read. */
  pages: number;
}

const NOTHING: Extracted = { text: "", pages: 0 };

/**
 * The text of a file; empty for one that has none we can read. A file that says it is a PDF and is none is no failure:
 * trying again would change nothing.
 */
export async function extractText(file: FileRow, read: ReadBytes): Promise<Extracted> {
  switch (fileTypeOf(file)) {
    case "text": {
      const length = Math.min(file.size, TEXT_BYTES_MAX);
      return { text: decodeText(await read(length), length < file.size) ?? "", pages: 0 };
    }
    case "pdf":
      if (file.size > PDF_MAX) return NOTHING;
      return pdfText(await read(file.size));
    default:
      return NOTHING;
  }
}

async function pdfText(bytes: Uint8Array): Promise<Extracted> {
  try {
    return await extractPdfText(bytes);
  } catch (error) {
    console.warn({ message: "a PDF has no readable text", error: (error as Error).name });
    return NOTHING;
  }
}
