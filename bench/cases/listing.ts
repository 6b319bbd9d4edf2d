import type { File } from "../../core/protocol/files.ts";
import { type Case, timeRow } from "../lib/case.ts";
import { inFlight } from "../lib/in-flight.ts";
import { inTurns } from "../lib/pairs.ts";
import { type Account, BASE } from "../lib/product.ts";
import { timed } from "../lib/stats.ts";
import type { Http } from "../lib/http.ts";

interface Page {
  items: File[];
  next_cursor: string | null;
}

async function walkProduct({ http }: Account, folder_id: string, limit: number): Promise<number> {
  let count = 0;
  let cursor: string | null = null;
  do {
    const query = new URLSearchParams({ limit: String(limit), ...(cursor === null ? {} : { cursor }) });
    const page: Page = await http.json<Page>("GET", `${BASE}/folders/${folder_id}/contents?${query}`);
    count += page.items.length;
    cursor = page.next_cursor;
  } while (cursor !== null);
  return count;
}

async function walkFloor(floor: Http, limit: number): Promise<number> {
  let count = 0;
  let after = "";
  for (;;) {
    const query = new URLSearchParams({ limit: String(limit), after });
    const { items } = await floor.json<{ items: { name_key: string }[] }>("GET", `/rows?${query}`);
    count += items.length;
    if (items.length < limit) return count;
    after = items.at(-1)!.name_key;
  }
}

async function requireCount(walk: Promise<number>, expected: number): Promise<void> {
  const count = await walk;
  if (count !== expected) throw new Error(`a listing had ${count} entries instead of ${expected}`);
}

export const listing: Case = {
  name: "listing",
  async run({ product, floor, sizes: { entries, list_runs } }) {
    const { file_id } = await product.folder("listing");
    await inFlight(entries, 32, (i) => product.folder(`entry ${String(i).padStart(6, "0")}`, file_id));
    const whole = await inTurns(
      {
        product: () => timed(() => requireCount(walkProduct(product, file_id, 1000), entries)),
        floor: () => timed(() => requireCount(walkFloor(floor, 1000), entries)),
      },
      list_runs,
      { warm_up: 1, rest: true },
    );
    const first = await inTurns(
      {
        product: () => timed(() => product.http.json("GET", `${BASE}/folders/${file_id}/contents?limit=200`)),
        floor: () => timed(() => floor.json("GET", "/rows?limit=200")),
      },
      list_runs * 5,
      { warm_up: 3, rest: false },
    );
    return [
      {
        title: `Listing a folder of ${entries} entries (ms)`,
        header: ["measure", "product", "floor", "x floor"],
        rows: [
          timeRow("all of it, pages of 1,000; floor: one select by index a page", whole),
          timeRow("the first page of 200; floor: one select by index", first),
        ],
      },
    ];
  },
};
