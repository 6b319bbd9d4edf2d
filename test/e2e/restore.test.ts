/** docs/spec/durability.md, BK9 and BK10: one tenant as it was, by the operator's commands, in a product that runs. */
import { expect, it } from "vitest";
import { operatorOf } from "../../scripts/lib/operator.ts";
import { forget, type Place, restoreBeside, restoreInto } from "../../scripts/lib/restore.ts";
import { startProduct } from "../../scripts/lib/start-product.ts";
import { backUp } from "../support/e2e/backups.ts";
import { Device } from "../support/e2e/device.ts";
import { temporaryData } from "../support/spawn-product.ts";

interface Item {
  file_id: string;
  name: string;
}

const bytesOf = (text: string) => new TextEncoder().encode(text);

async function itemsOf(device: Device, folder = "root"): Promise<Item[]> {
  return (await device.ok<{ items: Item[] }>("GET", `folders/${folder}/contents?limit=1000`)).items;
}

const names = async (device: Device, folder?: string): Promise<string[]> =>
  (await itemsOf(device, folder)).map(({ name }) => name).toSorted();

it("BK9, BK10: a tenant comes back beside what it is, and in place of it in another shard; in vain, it stays open", async () => {
  using data = temporaryData();
  const product = await startProduct({ port: 0, data: data.path, crons: false });
  try {
    const ada = await Device.register(product.url, "ada");
    const bob = await Device.register(product.url, "bob");
    const letter = await ada.upload("letter.txt", bytesOf("as it was"));
    const lost = await ada.upload("lost.txt", bytesOf("deleted for good"));
    await bob.upload("bob's.txt", bytesOf("somebody else's"));
    await backUp(product);
    const before = Date.now();
    await ada.ok("DELETE", `files/${lost.file_id}`);
    await ada.ok("DELETE", `trash/${lost.file_id}`);
    await ada.ok("PUT", `files/${letter.file_id}`, {
      body: bytesOf("spoilt"),
      headers: { "content-type": "text/plain" },
    });
    await backUp(product);

    const operator = operatorOf(product.url, product.secrets.OPERATOR_TOKEN as string);
    const place = await operator<Place>("place", { email: "ada@example.org" });
    // As if a minute had passed since.
    const wanted = { place, at: before, now: Date.now() + 60_000, without_archive: false, say: () => {} };
    const beside = await restoreBeside(operator, wanted);
    expect(beside.problems).toEqual([]);
    const folder = (await itemsOf(ada)).find(({ name }) => name.startsWith("Restored "));
    expect(await names(ada, folder!.file_id)).toEqual(["letter.txt", "lost.txt"]);
    expect(await names(ada)).toEqual([folder!.name, "letter.txt"]);

    const other = place.shards.find((shard) => shard !== place.shard) as string;
    await expect(restoreInto(operator, { ...wanted, at: 1 }, other)).rejects.toThrow("no backup from before");
    await ada.upload("open still.txt", bytesOf("open"));

    const counts = async () => {
      const directory = await product.mf.getD1Database("DIRECTORY", "edgedrive-api");
      const { results } = await directory.prepare("select shard, tenants from shards order by shard").all();
      return new Map(results.map(({ shard, tenants }) => [shard as string, tenants as number]));
    };
    const counted = await counts();
    expect((await restoreInto(operator, wanted, other)).problems).toEqual([]);
    expect((await operator<Place>("place", { email: "ada@example.org" })).shard).toBe(other);
    expect(await counts()).toEqual(
      new Map(
        [
          [place.shard, counted.get(place.shard)! - 1],
          [other, counted.get(other)! + 1],
        ].toSorted() as [string, number][],
      ),
    );
    await forget(operator, { tenant_id: place.tenant_id, shard: place.shard });
    await expect(forget(operator, { tenant_id: place.tenant_id, shard: other })).rejects.toThrow("lies there");
  } finally {
    await product.stop();
  }
  const again = await startProduct({ port: 0, data: data.path, crons: false });
  try {
    const ada = await Device.login(again.url, "ada", "laptop");
    expect(await names(ada)).toEqual(["letter.txt", "lost.txt"]);
    const [first] = await itemsOf(ada);
    const answer = await ada.ask("GET", `files/${first!.file_id}/download`);
    expect(await answer.text()).toBe("as it was");
    expect(await names(await Device.login(again.url, "bob", "phone"))).toEqual(["bob's.txt"]);
  } finally {
    await again.stop();
  }
}, 120_000);
