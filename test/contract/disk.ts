/** What every {@link Disk} does: in memory for the simulation, on Node for people. docs/spec/sync-client.md, LO1 to LO5. */
import { expect, it } from "vitest";
import { type Disk, type DiskProblem, type Fingerprint, PRIVATE } from "../../client/sync/ports.ts";

/** A disk, and the person who uses it beside the client. */
export interface DiskBench {
  disk: Disk;
  save(path: string, text: string): void;
  folder(path: string): void;
  link(path: string): void;
  textOf(path: string): string | null;
}

const TEMPORARY = `${PRIVATE}/tmp/one`;
const bytesOf = (text: string): Uint8Array => new TextEncoder().encode(text);
const problem = (problem: DiskProblem) => expect.objectContaining({ name: "DiskError", problem }) as Error;

export function diskContract(open: () => DiskBench): void {
  const on = (name: string, run: (bench: DiskBench) => Promise<void>): void => it(name, () => run(open()));
  const seen = async ({ disk }: DiskBench, path: string): Promise<Fingerprint> => {
    const { name: _name, ...fingerprint } = (await disk.stat(path)) as Fingerprint & { name: string };
    return fingerprint;
  };
  const download = async (bench: DiskBench, text: string, executable = false): Promise<Fingerprint> => {
    const writer = await bench.disk.write(TEMPORARY, "anew");
    await writer.append(bytesOf(text));
    await writer.finish({ modified_ms: 1_600_000_000_000, executable });
    await writer.close();
    return seen(bench, TEMPORARY);
  };

  on("LO4: lists what is there, and tells what it does not sync", async (bench) => {
    bench.folder("dir");
    bench.save("dir/a", "1");
    bench.link("link");
    const entries = (await bench.disk.list("")).filter(({ name }) => name !== PRIVATE);
    expect(entries.map(({ name, kind }) => [name, kind]).toSorted()).toEqual([
      ["dir", "folder"],
      ["link", "unsyncable"],
    ]);
    expect(await bench.disk.list("dir")).toMatchObject([{ name: "a", kind: "file", size: 1 }]);
    expect([await bench.disk.stat("nothing"), await bench.disk.stat("dir/a/b")]).toEqual([null, null]);
    await expect(bench.disk.list("nothing")).rejects.toThrow(problem("missing"));
    await expect(bench.disk.list("dir/a")).rejects.toThrow(problem("missing"));
    await expect(bench.disk.open("nothing")).rejects.toThrow(problem("missing"));
  });

  on("LO1, LO5: what was written takes an empty place, with its time and execute bit", async (bench) => {
    const from = await download(bench, "text", true);
    const now = await bench.disk.move(TEMPORARY, "a", { from, to: null });
    expect(now).toMatchObject({ identity: from.identity, size: 4, modified_ms: 1_600_000_000_000, executable: true });
    expect([await seen(bench, "a"), bench.textOf("a")]).toEqual([now, "text"]);
    expect(await bench.disk.stat(TEMPORARY)).toBeNull();
  });

  on("LO1: it replaces what was expected, and nothing else", async (bench) => {
    bench.save("a", "old");
    const old = await seen(bench, "a");
    const from = await download(bench, "new");
    const { disk } = bench;
    await expect(disk.move(TEMPORARY, "a", { from, to: null })).rejects.toThrow(problem("occupied"));
    await expect(disk.move(TEMPORARY, "b", { from, to: old })).rejects.toThrow(problem("changed"));
    await expect(disk.move(TEMPORARY, "no/b", { from, to: null })).rejects.toThrow(problem("missing"));
    await expect(disk.move("nothing", "b", { from, to: null })).rejects.toThrow(problem("missing"));
    await expect(disk.move(TEMPORARY, "b", { from: old, to: null })).rejects.toThrow(problem("changed"));
    expect(bench.textOf("a")).toBe("old");
    await disk.move(TEMPORARY, "a", { from, to: old });
    expect(bench.textOf("a")).toBe("new");
    bench.save("a", "edited");
    const again = await download(bench, "newer");
    await expect(disk.move(TEMPORARY, "a", { from: again, to: old })).rejects.toThrow(problem("changed"));
    expect(bench.textOf("a")).toBe("edited");
  });

  on("folders are made, moved with what is in them, and removed when they are empty", async (bench) => {
    const { disk } = bench;
    const made = await disk.make_folder("dir");
    expect(made).toMatchObject({ kind: "folder", size: 0, modified_ms: 0 });
    await expect(disk.make_folder("dir")).rejects.toThrow(problem("occupied"));
    await expect(disk.make_folder("no/dir")).rejects.toThrow(problem("missing"));
    bench.save("dir/a", "1");
    expect(await disk.move("dir", "moved", { from: made, to: null })).toEqual(made);
    expect(bench.textOf("moved/a")).toBe("1");
    await expect(disk.remove_folder("moved")).rejects.toThrow(problem("not_empty"));
    await disk.move("moved/a", `${PRIVATE}/trash/a`, { from: await seen(bench, "moved/a"), to: null });
    await disk.remove_folder("moved");
    await expect(disk.remove_folder("moved")).rejects.toThrow(problem("missing"));
  });

  on("EX4: a file of ours goes on at its end, or anew; removing it twice is once", async (bench) => {
    const { disk } = bench;
    const first = await disk.write(TEMPORARY, "go_on");
    await first.append(bytesOf("one "));
    await first.close();
    const second = await disk.write(TEMPORARY, "go_on");
    expect(second.size).toBe(4);
    await second.append(bytesOf("two"));
    await second.close();
    expect(bench.textOf(TEMPORARY)).toBe("one two");
    const third = await disk.write(TEMPORARY, "anew");
    expect(third.size).toBe(0);
    await third.close();
    await third.close();
    await disk.remove_private(`${PRIVATE}/tmp`);
    await disk.remove_private(`${PRIVATE}/tmp`);
    expect(await disk.stat(TEMPORARY)).toBeNull();
  });

  on("LO2: an open file is read in pieces, and tells when it was written to", async (bench) => {
    bench.save("a", "0123456789");
    const file = await bench.disk.open("a");
    const before = await file.fingerprint();
    const read = async (offset: number, length: number) => new TextDecoder().decode(await file.read(offset, length));
    expect([await read(0, 4), await read(8, 100), await read(10, 5)]).toEqual(["0123", "89", ""]);
    bench.save("a", "another length");
    expect(await file.fingerprint()).not.toEqual(before);
    await file.close();
  });
}
