export interface Column<T> {
  title: string;
  of: (row: T) => string;
  right?: boolean;
}

/** How many cells a terminal gives to a text: East Asian wide characters and pictographs take two, marks none. */
const widthOf = (text: string): number => {
  let width = 0;
  for (const char of text) {
    if (/\p{Mark}|\p{Cf}/u.test(char)) continue;
    width +=
      /[\u1100-\u115f\u2e80-\ua4cf\uac00-\ud7a3\uf900-\ufaff\ufe30-\ufe4f\uff00-\uff60\uffe0-\uffe6]|\p{Extended_Pictographic}/u.test(
        char,
      ) && char.charCodeAt(0) > 0xff
        ? 2
        : 1;
  }
  return width;
};

/** Lines of aligned columns, two spaces between them; the last one is as long as it is. */
export function table<T>(rows: readonly T[], columns: readonly Column<T>[]): string[] {
  const cells = [columns.map(({ title }) => title), ...rows.map((row) => columns.map(({ of }) => of(row)))];
  const widths = columns.map((_, i) => Math.max(...cells.map((line) => widthOf(line[i] ?? ""))));
  return cells.map((line) =>
    line
      .map((cell, i) => {
        const gap = " ".repeat((widths[i] ?? 0) - widthOf(cell));
        return columns[i]?.right ? gap + cell : cell + gap;
      })
      .join("  ")
      .trimEnd(),
  );
}
