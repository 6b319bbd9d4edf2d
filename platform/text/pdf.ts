import { getDocumentProxy } from "unpdf";
import { TEXT_MAX } from "../../core/search/document.ts";

/** Bytes of a PDF that are read into memory; the parser keeps about as much again. */
export const PDF_MAX = 16 * 1024 * 1024;
/** Pages looked at: 36 ms each as measured, so that a run stays within its CPU time. */
const PAGES_MAX = 200;

/** The text of a PDF, page by page until there is enough. Throws for what is no PDF, is encrypted, or is damaged. */
export async function extractPdfText(bytes: Uint8Array): Promise<string> {
  const document = await getDocumentProxy(bytes);
  try {
    const pages: string[] = [];
    let length = 0;
    for (let number = 1; number <= Math.min(document.numPages, PAGES_MAX) && length < TEXT_MAX; number++) {
      const page = await document.getPage(number);
      const { items } = await page.getTextContent();
      const text = items.map((item) => ("str" in item ? item.str + (item.hasEOL ? "\n" : "") : "")).join("");
      page.cleanup();
      pages.push(text);
      length += text.length;
    }
    return pages.join("\n\n");
  } finally {
    await document.loadingTask.destroy();
  }
}
