import { randomBytes } from "node:crypto";
import { API } from "../../scripts/lib/project.ts";
import type { Product } from "../../scripts/lib/start-product.ts";
import type { Report } from "../lib/case.ts";
import type { CleanUp } from "../lib/clean-up.ts";
import { failingStore, SWITCH } from "../lib/failing-store.ts";
import { Account, BASE, startBenched } from "../lib/product.ts";
import type { Sizes } from "../lib/sizes.ts";
import { median, timed } from "../lib/stats.ts";
import { milliseconds, times } from "../lib/table.ts";
import { waitUntil } from "../lib/wait-until.ts";

/** What a download may take once the breaker is open, of what it takes else. */
const BAR = 1.3;

/** Downloads that open the breaker: five reads that fail in a row. */
const WARM_UP = 6;

/** Of packs: keys of tenants are copied by the hour. */
async function waitForCopies({ mf }: Product): Promise<void> {
  const count = async (name: string): Promise<number> =>
    (await (await mf.getR2Bucket(name, API.name)).list()).objects.filter(({ key }) => /^\d/.test(key)).length;
  await waitUntil("copies", 120_000, async () => (await count("BLOBS_REPLICA")) === (await count("BLOBS")));
}

/** Downloads with the primary as it should be, and while it fails; a product of its own, whose bucket can be told to. */
export async function measureReplica(cleanUp: CleanUp, sizes: Sizes): Promise<Report[]> {
  const running = await startBenched(cleanUp, { observability: false, alter: failingStore });
  const account = await Account.register(running.url, "replica");
  const { http } = account;
  const tell = async (fails: boolean): Promise<number> =>
    (await http.json<{ calls: number }>("POST", `${SWITCH}?fails=${fails}`)).calls;
  const rows: string[][] = [];
  for (const [what, size, runs] of [
    ["4 KiB", 4096, sizes.calls],
    [`${Math.round(sizes.large / 2 ** 20)} MiB`, sizes.large, sizes.large_runs],
  ] as const) {
    const { file_id } = await account.upload(`${size}.bin`, randomBytes(size));
    await waitForCopies(running);
    let errors = 0;
    const download = (): Promise<number> =>
      timed(async () => {
        const answer = await http.ask("GET", `${BASE}/files/${file_id}/download`).catch(() => null);
        if (answer?.body.length !== size) errors += 1;
      });
    const several = async (count: number): Promise<number[]> => {
      const samples: number[] = [];
      for (let i = 0; i < count; i++) samples.push(await download());
      return samples;
    };
    await several(WARM_UP);
    await tell(false);
    const normal = await several(runs);
    const normalCalls = await tell(true);
    const opening = await several(WARM_UP);
    await tell(true);
    const open = await several(runs);
    const calls = await tell(false);
    const ratio = median(open) / median(normal);
    rows.push([
      `download of ${what}`,
      milliseconds(median(normal)),
      milliseconds(Math.max(...opening)),
      milliseconds(median(open)),
      times(ratio),
      `${ratio <= BAR ? "met" : "missed"}: ${BAR}`,
      String(errors),
      `${normalCalls} -> ${calls}`,
    ]);
    // Closed again by three probes that succeed, for what comes next.
    await waitUntil("the breaker closes", 60_000, async () => {
      await several(1);
      return (await tell(false)) > 0 && (await several(3), (await tell(false)) >= 3);
    });
  }
  return [
    {
      title: "Downloads while the primary fails (ms)",
      header: [
        "measure",
        "normal",
        "slowest while the breaker opens",
        "breaker open",
        "x normal",
        "bar",
        "errors",
        "calls of the primary",
      ],
      rows,
    },
  ];
}
