import type { FileRow } from "../../core/files/model.ts";
import { fileTypeOf } from "../../core/search/file-type.ts";
import { decodeText, TEXT_BYTES_MAX } from "../../core/search/text.ts";
import { extractPdfText, PDF_MAX } from "./pdf.ts";

/** Reads the first `length` bytes of the file's content. */
export type ReadBytes = (length: number) => Promise<Uint8Array>;

/**
 * The text of a file; empty for one that has none we can read. A file that says it is a PDF and is none is no failure:
 * trying again would change nothing.
 */
export async function extractText(file: FileRow, read: ReadBytes): Promise<string> {
  switch (fileTypeOf(file)) {
    case "text": {
      const length = Math.min(file.size, TEXT_BYTES_MAX);
      return decodeText(await read(length), length < file.size) ?? "";
    }
    case "pdf":
      if (file.size > PDF_MAX) return "";
      return pdfText(await read(file.size));
    default:
      return "";
  }
}

async function pdfText(bytes: Uint8Array): Promise<string> {
  try {
    return await extractPdfText(bytes);
  } catch (error) {
    console.warn({ message: "a PDF has no readable text", error: (error as Error).name });
    return "";
  }
}
