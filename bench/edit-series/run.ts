/** `node bench/edit-series/run.ts [series ...]`: what an edit costs, beside other programs. See README.md. */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { rsync, restic, xdelta } from "./others.ts";
import { withOldBytes, withSignatures, zipAware, type Sent } from "./ours.ts";
import { makeSeries } from "./series.ts";

const wanted = process.argv.slice(2);
const pairs = await makeSeries(join(import.meta.dirname, "../../.data/edit-series"));
const ratios: number[] = [];

const percent = (bytes: number, of: number): string => `${((100 * bytes) / of).toPrecision(3)}%`;
const cell = (sent: Sent | undefined, size: number): string =>
  sent ? `${sent.bytes} (${percent(sent.bytes, size)})` : "-";

console.log(
  "| series | MiB | xdelta3 -9 | with old bytes | ratio | signatures only | rsync -z | ratio | restic | zip-aware | CPU s |",
);
console.log("|---|---|---|---|---|---|---|---|---|---|---|");
for (const pair of pairs.filter(({ name }) => wanted.length === 0 || wanted.includes(name))) {
  const before = readFileSync(pair.before);
  const after = readFileSync(pair.after);
  const other = { xdelta: xdelta(pair), rsync: rsync(pair), restic: restic(pair) };
  const zip = await zipAware(before, after);
  const old = await withOldBytes(before, after);
  const signatures = await withSignatures(before, after);
  ratios.push(old.bytes / other.xdelta);
  console.log(
    `| ${[
      pair.name,
      (after.length / 2 ** 20).toFixed(1),
      `${other.xdelta} (${percent(other.xdelta, after.length)})`,
      cell(old, after.length),
      (old.bytes / other.xdelta).toFixed(2),
      cell(signatures, after.length),
      `${other.rsync} (${percent(other.rsync, after.length)})`,
      (signatures.bytes / other.rsync).toFixed(2),
      percent(other.restic, after.length),
      cell(zip, after.length),
      `${old.cpu_seconds.toFixed(1)} / ${signatures.cpu_seconds.toFixed(1)}${zip ? ` / ${zip.cpu_seconds.toFixed(1)}` : ""}`,
    ].join(" | ")} |`,
  );
}
console.log(
  `\ngeometric mean of the ratios to xdelta3, zip-aware deltas aside: ${Math.exp(ratios.reduce((sum, r) => sum + Math.log(r), 0) / ratios.length).toFixed(2)}`,
);
