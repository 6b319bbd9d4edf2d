import type { File } from "../../core/protocol/files.ts";
import { type Case, rateRow } from "../lib/case.ts";
import { inFlight } from "../lib/in-flight.ts";
import { inTurns } from "../lib/pairs.ts";
import { BASE } from "../lib/product.ts";
import { timed } from "../lib/stats.ts";

const IN_FLIGHT = 32;
const MANY = 64;
/** Changes of one request. */
const BATCH = 500;

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
    const batched = await inTurns(
      {
        product() {
          const run = serial++;
          const changes = Array.from({ length: count }, (_, i) => ({
            op_id: `${run}-${i}`,
            op: "create_folder",
            parent_id,
            name: `${run} batched ${i}`,
          }));
          const batches = Array.from({ length: Math.ceil(count / BATCH) }, (_, i) =>
            changes.slice(i * BATCH, (i + 1) * BATCH),
          );
          return timed(async () => {
            for (const changes of batches)
              await product.http.json("POST", `${BASE}/sync/delta`, {
                json: { device_id: product.device_id, changes },
              });
          });
        },
        floor() {
          const run = serial++;
          return timed(() => inFlight(count, 1, (i) => floor.ask("POST", `/batch/alone-${run}-${i}`)));
        },
      },
      commit_runs,
      options,
    );
    const singles = await inTurns(
      {
        product() {
          const run = serial++;
          return timed(() => inFlight(count, MANY, (i) => product.folder(`${run} single ${i}`, parent_id)));
        },
        floor: () => timed(() => inFlight(count, MANY, () => floor.ask("POST", "/call/commits"))),
      },
      commit_runs,
      options,
    );
    const note = `${IN_FLIGHT} in flight; floor: a batch of three statements each`;
    return [
      {
        title: "Commits on one drive (changes/s)",
        header: ["measure", "product", "floor", "x floor"],
        rows: [
          rateRow(`new folders, ${note}`, creations, count),
          rateRow(`renames, ${note}`, renames, count),
          rateRow(`new folders, ${BATCH} a request; floor: a batch each, one after the other`, batched, count),
          rateRow(`new folders, ${MANY} in flight; floor: a call of an object that does nothing`, singles, count),
        ],
      },
    ];
  },
};
