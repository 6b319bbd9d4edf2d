import { getDocumentProxy } from "unpdf";
import { TEXT_MAX } from "../../core/search/document.ts";

/** Pages looked at: 36 ms each as measured, so that a run stays within its CPU time. */
const PAGES_MAX = 200;

/** The text of a PDF and the pages that were read, page by page until there is enough. Throws for what is no PDF, is encrypted, or is damaged. */
export async function extractPdfText(bytes: Uint8Array): Promise<{ text: string; pages: number }> {
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
    return { text: pages.join("\n\n"), pages: pages.length };
  } finally {
    await document.loadingTask.destroy();
  }
}
