import { randomBytes } from "node:crypto";
import { type Case, rateRow } from "../lib/case.ts";
import { inFlight } from "../lib/in-flight.ts";
import { inTurns } from "../lib/pairs.ts";
import { timed } from "../lib/stats.ts";

const SIZE = 4096;
const IN_FLIGHT = 8;

export const smallFiles: Case = {
  name: "small-files",
  async run({ product, floor, sizes: { small_files, small_runs } }) {
    let serial = 0;
    const samples = await inTurns(
      {
        async product() {
          const { file_id } = await product.folder(`small files ${serial++}`);
          return timed(() =>
            inFlight(small_files, IN_FLIGHT, (i) => product.upload(`${i}.bin`, randomBytes(SIZE), file_id)),
          );
        },
        floor() {
          const run = serial++;
          return timed(() =>
            inFlight(small_files, IN_FLIGHT, (i) =>
              floor.ask("POST", `/store/small-${run}-${i}`, { body: randomBytes(SIZE) }),
            ),
          );
        },
      },
      small_runs,
      { warm_up: 1, rest: true },
    );
    const what = `${small_files} uploads of ${SIZE / 1024} KiB, ${IN_FLIGHT} in flight; floor: one put, one batch each`;
    return [
      {
        title: "Small files (files/s)",
        header: ["measure", "product", "floor", "x floor"],
        rows: [rateRow(what, samples, small_files)],
      },
    ];
  },
};
