/** A table in Markdown that also reads well in a terminal: the first column left, numbers right. */
export function table(header: readonly string[], rows: readonly (readonly string[])[]): string {
  const widths = header.map((name, i) => Math.max(name.length, ...rows.map((row) => row[i]!.length)));
  const pad = (text: string, i: number): string => (i === 0 ? text.padEnd(widths[i]!) : text.padStart(widths[i]!));
  const line = (cells: readonly string[]): string => `| ${cells.map(pad).join(" | ")} |`;
  const rule = widths.map((width, i) => (i === 0 ? "-".repeat(width) : `${"-".repeat(width - 1)}:`));
  return [line(header), `| ${rule.join(" | ")} |`, ...rows.map(line)].join("\n");
}

export const milliseconds = (ms: number): string => (ms < 10 ? ms.toFixed(1) : ms.toFixed(0));
export const times = (ratio: number): string => ratio.toFixed(ratio < 1 ? 2 : ratio < 10 ? 1 : 0);
/** Dollars of one operation, with three digits that count. */
export const dollars = (price: number): string =>
  price === 0 ? "0" : price.toFixed(Math.max(2, 2 - Math.floor(Math.log10(price))));
