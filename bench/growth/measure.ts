/** The same operations on a drive of few files and on one that has grown: no count may grow by more than a fifth. */
import { tenantOf } from "../../core/protocol/ids.ts";
import type { Product } from "../../scripts/lib/start-product.ts";
import { API } from "../../scripts/lib/project.ts";
import type { Report } from "../lib/case.ts";
import type { CleanUp } from "../lib/clean-up.ts";
import { inTurns } from "../lib/pairs.ts";
import { Account, startBenched, temporaryState } from "../lib/product.ts";
import type { Sizes } from "../lib/sizes.ts";
import { median, timed } from "../lib/stats.ts";
import { milliseconds, times } from "../lib/table.ts";
import { type Operations, rowsWritten } from "../operations/prices.ts";
import { Traces } from "../operations/traces.ts";
import { fillDrive } from "./fill.ts";
import { growingOperations } from "./operations.ts";

/** One of the two drives, each in a data directory of its own. */
interface Side {
  name: string;
  data: string;
}

async function fill({ mf }: Product, { user_id }: Account, files: number): Promise<void> {
  const tenant_id = tenantOf(user_id);
  const directory = await mf.getD1Database("DIRECTORY", API.name);
  const place = directory.prepare("select shard from tenants where tenant_id = ?1").bind(tenant_id);
  const { shard } = (await place.first<{ shard: string }>()) as { shard: string };
  await fillDrive(await mf.getD1Database(shard, API.name), { tenant_id, drive_id: user_id }, files);
}

/** What each operation takes on both sides, in turns: what else the machine does slows both down. */
async function timeBoth(
  [small, large]: [Account, Account],
  calls: number,
): Promise<Map<string, { small: number; large: number }>> {
  const [ofSmall, ofLarge] = [await growingOperations(small), await growingOperations(large)];
  const found = new Map<string, { small: number; large: number }>();
  for (const [what, onSmall] of Object.entries(ofSmall)) {
    const onLarge = ofLarge[what] as () => Promise<unknown>;
    const pair = { product: () => timed(onLarge), floor: () => timed(onSmall) };
    const samples = await inTurns(pair, calls, { warm_up: 3, rest: false });
    found.set(what, { small: median(samples.floor), large: median(samples.product) });
  }
  return found;
}

/** Traces slow everything down, so they have a start of their own. */
async function countAll(cleanUp: CleanUp, { name, data }: Side): Promise<Map<string, Operations>> {
  const running = await startBenched(cleanUp, { observability: true, data });
  const operations = await growingOperations(await Account.signIn(running.url, name));
  const traces = new Traces(running.url);
  const found = new Map<string, Operations>();
  for (const [what, run] of Object.entries(operations)) {
    await run();
    found.set(what, (await traces.count(run)).all);
  }
  await running.stop();
  return found;
}

/** Of a number that was and one that is; what was nothing may not become something. */
const grown = (before: number, after: number): number => (before === after ? 1 : after / before);

const pairOf = (before: number, after: number): string => `${before} -> ${after}`;

/** Rows are those of D1 and of objects together. */
function row(what: string, small: Operations, large: Operations, ms: { small: number; large: number }): string[] {
  const read = (o: Operations): number => o.d1_rows_read + o.object_rows_read;
  const r2 = (o: Operations): number => o.r2_class_a + o.r2_class_b;
  const worst = Math.max(...[read, rowsWritten, r2].map((of) => grown(of(small), of(large))));
  return [
    what,
    pairOf(read(small), read(large)),
    pairOf(rowsWritten(small), rowsWritten(large)),
    pairOf(r2(small), r2(large)),
    times(worst),
    `${milliseconds(ms.small)} -> ${milliseconds(ms.large)}`,
    times(ms.large / ms.small),
  ];
}

export async function measureGrowth(cleanUp: CleanUp, sizes: Sizes): Promise<Report[]> {
  const small: Side = { name: "small", data: temporaryState(cleanUp) };
  const large: Side = { name: "large", data: temporaryState(cleanUp) };
  const [onSmall, onLarge] = [
    await startBenched(cleanUp, { observability: false, data: small.data }),
    await startBenched(cleanUp, { observability: false, data: large.data }),
  ];
  const accounts: [Account, Account] = [
    await Account.register(onSmall.url, small.name),
    await Account.register(onLarge.url, large.name),
  ];
  const filling = await timed(() => fill(onLarge, accounts[1], sizes.grown_files));
  console.error(`${sizes.grown_files} files made in ${(filling / 1000).toFixed(0)} s`);
  // Access tokens live for 15 minutes.
  for (const account of accounts) await account.refresh();
  const ms = await timeBoth(accounts, sizes.grown_calls);
  await onSmall.stop();
  await onLarge.stop();
  const [before, after] = [await countAll(cleanUp, small), await countAll(cleanUp, large)];
  return [
    {
      title: `Growth: a drive of few files -> one of ${sizes.grown_files.toLocaleString("en")}`,
      header: ["operation", "rows read", "rows written", "R2 calls", "x", "ms p50", "x"],
      rows: [...ms].map(([what, took]) =>
        row(what, before.get(what) as Operations, after.get(what) as Operations, took),
      ),
    },
  ];
}
