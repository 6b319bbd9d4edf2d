import { expect, test } from "vitest";
import { entriesOfChosen, walkDropped, type Dropped, type DroppedEntry } from "./tree-drop.ts";

type Tree = { [name: string]: Tree | string | Error };

/** Entries as Chromium gives them: at most `batch` for each call of `readEntries`. */
const entries = (tree: Tree, batch = 2): DroppedEntry[] =>
  Object.entries(tree).map(([name, node]) => {
    if (typeof node === "string" || node instanceof Error) {
      const file = (resolve: (f: File) => void, reject: (e: unknown) => void) =>
        node instanceof Error ? reject(node) : resolve(new File([node], name));
      return { isFile: true, isDirectory: false, name, file };
    }
    const createReader = () => {
      const left = entries(node, batch);
      return { readEntries: (resolve: (e: DroppedEntry[]) => void) => resolve(left.splice(0, batch)) };
    };
    return { isFile: false, isDirectory: true, name, createReader };
  });

const walk = async (roots: DroppedEntry[]): Promise<string[]> => {
  const seen: string[] = [];
  for await (const d of walkDropped(roots)) seen.push(describe(d));
  return seen;
};
const describe = (d: Dropped): string => `${d.kind} ${[...d.path, d.kind === "file" ? d.file.name : d.name].join("/")}`;

test("a tree comes out whole, folders before what is in them, empty ones too", async () => {
  const tree = { Holiday: { "a.jpg": "a", Day: { "b.jpg": "b" }, Empty: {} }, "notes.txt": "n" };
  expect(await walk(entries(tree))).toEqual([
    "folder Holiday",
    "file Holiday/a.jpg",
    "folder Holiday/Day",
    "file Holiday/Day/b.jpg",
    "folder Holiday/Empty",
    "file notes.txt",
  ]);
});

test("a folder is read until its batches are empty", async () => {
  const files = Object.fromEntries(Array.from({ length: 250 }, (_, i) => [`${i}.txt`, ""]));
  expect(await walk(entries({ Many: files }, 100))).toHaveLength(251);
});

test("what cannot be read is named and does not stop the rest", async () => {
  expect(await walk(entries({ A: { bad: new Error("gone"), good: "g" } }))).toEqual([
    "folder A",
    "unreadable A/bad",
    "file A/good",
  ]);
});

test("a folder chosen by a button is the same tree as a dropped one", async () => {
  const at = (path: string): File =>
    Object.defineProperty(new File([], path.slice(path.lastIndexOf("/") + 1)), "webkitRelativePath", { value: path });
  const chosen = ["Trip/a.jpg", "Trip/Day/b.jpg", "Trip/c.jpg"].map(at);
  expect(await walk(entriesOfChosen(chosen))).toEqual([
    "folder Trip",
    "folder Trip/Day",
    "file Trip/Day/b.jpg",
    "file Trip/a.jpg",
    "file Trip/c.jpg",
  ]);
});
