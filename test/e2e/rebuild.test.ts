/** docs/spec/durability.md, BK11: with all of D1 lost, R2 and the master key give everything back. */
import { spawn } from "node:child_process";
import { once } from "node:events";
import { rmSync } from "node:fs";
import { join } from "node:path";
import { expect, it } from "vitest";
import { inRoot } from "../../scripts/lib/project.ts";
import { type Product, startProduct } from "../../scripts/lib/start-product.ts";
import { backUp } from "../support/e2e/backups.ts";
import { Device } from "../support/e2e/device.ts";
import { temporaryData } from "../support/spawn-product.ts";
import { waitFor } from "../support/wait-for.ts";

const noise = (length: number): Uint8Array<ArrayBuffer> => {
  const bytes = new Uint8Array(length);
  for (let at = 0; at < length; at += 65_536) crypto.getRandomValues(bytes.subarray(at, at + 65_536));
  return bytes;
};

const start = (data: string): Promise<Product> => startProduct({ port: 0, data, crons: false });

interface Item {
  file_id: string;
  name: string;
  is_folder: boolean;
}

/** All that a person can see of a drive, with the hash of every version's bytes. */
async function everything(device: Device): Promise<unknown> {
  const seen: unknown[] = [];
  const walk = async (folder_id: string, path: string): Promise<void> => {
    const { items } = await device.ok<{ items: Item[] }>("GET", `folders/${folder_id}/contents?limit=1000`);
    for (const item of items) {
      const { items: grants } = await device.ok<{ items: unknown[] }>("GET", `files/${item.file_id}/permissions`);
      seen.push({ path: `${path}/${item.name}`, item, grants });
      if (item.is_folder) await walk(item.file_id, `${path}/${item.name}`);
      else seen.push(await versions(device, item.file_id));
    }
  };
  await walk("root", "");
  const { items: trash } = await device.ok<{ items: unknown[] }>("GET", "trash?limit=1000");
  // Addresses name the port, which is another one after each start.
  return JSON.parse(JSON.stringify({ seen, trash, quota: await device.quota() }).replaceAll(device.url, ""));
}

async function versions(device: Device, file_id: string): Promise<unknown> {
  const { items } = await device.ok<{ items: { version_id: string }[] }>("GET", `files/${file_id}/versions`);
  const hashes = await Promise.all(
    items.map(async ({ version_id }) => {
      const answer = await device.ask("GET", `files/${file_id}/download?version_id=${version_id}`);
      expect(answer.status).toBe(200);
      return Buffer.from(await crypto.subtle.digest("SHA-256", await answer.arrayBuffer())).toString("hex");
    }),
  );
  return { items, hashes };
}

function runRebuild(data: string) {
  const child = spawn(process.execPath, [inRoot("scripts/rebuild.ts"), "--data", data, "--read-all"], {
    stdio: ["ignore", "pipe", "pipe"],
  });
  let text = "";
  for (const stream of [child.stdout, child.stderr]) stream.on("data", (piece: Buffer) => (text += piece.toString()));
  return { child, output: () => text };
}

const loseD1 = (data: string): void => rmSync(join(data, "state", "v3", "d1"), { recursive: true, force: true });

it("BK11: all databases dropped, one command gives back every name, path, version, byte and share, also when it was killed", async () => {
  using data = temporaryData();
  let product = await start(data.path);
  const ada = await Device.register(product.url, "ada");
  const bob = await Device.register(product.url, "bob");
  const folder = await ada.ok<Item>("POST", "folders", { json: { parent_id: "root", name: "Ordner №1" } });
  const deep = await ada.ok<Item>("POST", "folders", { json: { parent_id: folder.file_id, name: "tief" } });
  await ada.upload("leer.txt", new Uint8Array(), deep.file_id);
  const note = await ada.upload("note.txt", new TextEncoder().encode("one"), deep.file_id);
  const large = await ada.upload("large.bin", noise(20 * 1024 * 1024), folder.file_id);
  const shared = await bob.upload("bob's.txt", noise(5000));
  await backUp(product);

  const version = (text: string) =>
    ada.ok("PUT", `files/${note.file_id}`, {
      body: new TextEncoder().encode(text),
      headers: { "content-type": "text/plain" },
    });
  await version("two");
  await version("three");
  await ada.ok("POST", `files/${large.file_id}/copy`, { json: { parent_id: "root", name: "copy.bin" } });
  const gone = await ada.upload("gone.txt", noise(100));
  await ada.ok("DELETE", `files/${gone.file_id}`);
  await bob.ok("POST", `files/${shared.file_id}/share`, { json: { email: "ada@example.org", permission: "view" } });
  const link = await ada.ok<{ token: string }>("POST", `files/${note.file_id}/share`, {
    json: { link: true, permission: "view" },
  });
  await ada.ok("PATCH", `files/${folder.file_id}`, { json: { name: "Ordner №2" } });
  await backUp(product);
  const before = [await everything(ada), await everything(bob)];
  const { next_cursor } = await ada.changes("now");
  // Lost with the databases, for no tick was through: a device that knows it reads everything anew.
  await ada.upload("too late.txt", noise(10));
  const { next_cursor: lost_cursor } = await ada.changes("now");
  await product.stop();

  loseD1(data.path);
  const killed = runRebuild(data.path);
  await waitFor(() => /tenant \d+: done/.test(killed.output()), 60_000);
  killed.child.kill("SIGKILL");
  await once(killed.child, "exit");
  const again = runRebuild(data.path);
  const [code] = (await once(again.child, "exit")) as [number];
  expect(code, again.output()).toBe(0);

  product = await start(data.path);
  try {
    const back = await Device.login(product.url, "ada", "laptop");
    expect([await everything(back), await everything(await Device.login(product.url, "bob", "phone"))]).toEqual(before);
    await product.tick();
    const shares = () => back.ok<{ items: { file: Item }[] }>("GET", "shared-with-me");
    await waitFor(async () => (await shares()).items.length === 1, 20_000);
    const opened = await fetch(`${product.url}/s/${link.token}/download`);
    expect(opened.status).toBe(200);
    await opened.body?.cancel();
    // Who knew no more than what came back goes on, and looks again at what others share: pointers to it are new (BK1).
    expect((await back.changes(next_cursor)).changes.map(({ op }) => op)).toEqual(["updated", "shared"]);
    // Who knew more is told so.
    expect((await back.ask("GET", `sync/changes?cursor=${lost_cursor}`)).status).toBe(400);
    await back.upload("after.txt", noise(10));
    await backUp(product);
  } finally {
    await product.stop();
  }
}, 240_000);
