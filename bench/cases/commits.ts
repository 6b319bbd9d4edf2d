import type { File } from "../../core/protocol/files.ts";
import { type Case, rateRow } from "../lib/case.ts";
import { inFlight } from "../lib/in-flight.ts";
import { inTurns } from "../lib/pairs.ts";
import { BASE } from "../lib/product.ts";
import { timed } from "../lib/stats.ts";

const IN_FLIGHT = 32;

/** Changes of metadata on one drive: what arrives together goes into one batch of the hub. */
export const commits: Case = {
  name: "commits",
  async run({ product, floor, sizes: { commits: count, commit_runs } }) {
    const { file_id: parent_id } = await product.folder("commits");
    const made: File[] = [];
    let serial = 0;
    const batches = (): Promise<number> => {
      const run = serial++;
      return timed(() => inFlight(count, IN_FLIGHT, (i) => floor.ask("POST", `/batch/commit-${run}-${i}`)));
    };
    const options = { warm_up: 1, rest: true };
    const creations = await inTurns(
      {
        product() {
          const run = serial++;
          return timed(() =>
            inFlight(count, IN_FLIGHT, async (i) => {
              made[i] = await product.folder(`${run} ${i}`, parent_id);
            }),
          );
        },
        floor: batches,
      },
      commit_runs,
      options,
    );
    const renames = await inTurns(
      {
        product() {
          const run = serial++;
          return timed(() =>
            inFlight(count, IN_FLIGHT, (i) =>
              product.http.ask("PATCH", `${BASE}/files/${made[i]!.file_id}`, { json: { name: `${run} renamed ${i}` } }),
            ),
          );
        },
        floor: batches,
      },
      commit_runs,
      options,
    );
    const note = `${IN_FLIGHT} in flight; floor: a batch of three statements each`;
    return [
      {
        title: "Commits on one drive (changes/s)",
        header: ["measure", "product", "floor", "x floor"],
        rows: [rateRow(`new folders, ${note}`, creations, count), rateRow(`renames, ${note}`, renames, count)],
      },
    ];
  },
};
