/**
 * Three machines of one person, each with a process that keeps a folder in sync, against the product as `npm start` runs
 * it. Clients and the runtime are killed (`kill -9`) in the middle of what they do.
 */
import { execFileSync } from "node:child_process";
import { randomBytes } from "node:crypto";
import {
  appendFileSync,
  cpSync,
  mkdirSync,
  openSync,
  closeSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  symlinkSync,
  utimesSync,
  writeSync,
} from "node:fs";
import { setTimeout as sleep } from "node:timers/promises";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { endProduct, killRuntime, type SpawnedProduct, spawnProduct, temporaryData } from "../support/spawn-product.ts";
import { converged, SyncedFolder, type Tree } from "../support/e2e/synced-folder.ts";
import { waitFor } from "../support/wait-for.ts";

const data = temporaryData();
let product: SpawnedProduct;
let a: SyncedFolder;
let b: SyncedFolder;
let c: SyncedFolder;
const all = (): SyncedFolder[] => [a, b, c];
const has =
  (expected: Tree) =>
  (tree: Tree): boolean =>
    Object.entries(expected).every(([path, text]) => path in tree && tree[path] === text);
const exactly =
  (expected: Tree) =>
  (tree: Tree): boolean =>
    has(expected)(tree) && Object.keys(tree).length === Object.keys(expected).length;
const texts = (tree: Tree): string[] =>
  Object.values(tree)
    .filter((text) => text !== null)
    .toSorted();

beforeAll(async () => {
  product = await spawnProduct(data.path);
  a = await SyncedFolder.enter(product.url, "ada", "Laptop", "register");
  b = await SyncedFolder.enter(product.url, "ada", "Phone", "login");
  c = await SyncedFolder.enter(product.url, "ada", "Desk", "login");
  for (const folder of all()) folder.start();
});

afterAll(async () => {
  for (const folder of [a, b, c]) folder?.[Symbol.dispose]();
  if (product) await endProduct(product);
  data[Symbol.dispose]();
});

describe("what one machine has, the others get", () => {
  test("many small files, deep and empty folders, empty files", async () => {
    const expected: Tree = { "deep/er/still": null, empty: null, "nothing.txt": "" };
    for (let i = 0; i < 200; i++) expected[`${["", "sub/", "sub/sub/"][i % 3]}${i} ünï.txt`] = `text ${i}`;
    for (const [path, text] of Object.entries(expected))
      if (text === null) mkdirSync(a.at(`many/${path}`), { recursive: true });
      else a.write(`many/${path}`, text);
    await converged(all(), has(expected), { below: "many" });
  });

  test("a time travels with its file", async () => {
    a.write("times/old.txt", "old");
    utimesSync(a.at("times/old.txt"), 1_600_000_000, 1_600_000_000);
    await converged(all(), exactly({ "old.txt": "old" }), { below: "times" });
    await waitFor(() => all().every((folder) => statSync(folder.at("times/old.txt")).mtimeMs === 1_600_000_000_000));
  });

  test("a large file, and an edit of it on another machine", async () => {
    const bytes = randomBytes(12_000_000);
    a.write("large/file.bin", bytes);
    await converged(all(), (tree) => "file.bin" in tree, { below: "large" });
    randomBytes(4000).copy(bytes, 7_000_000);
    b.write("large/file.bin", bytes);
    const { "file.bin": edited } = b.tree("large");
    await converged(all(), exactly({ "file.bin": edited! }), { below: "large" });
  });

  test("edits that go back and forth make no conflict", async () => {
    a.write("ping/pong.txt", "0");
    for (let round = 0; round < 8; round++) {
      await converged(all(), exactly({ "pong.txt": String(round) }), { below: "ping" });
      [a, b, c][(round + 1) % 3]!.write("ping/pong.txt", String(round + 1));
    }
    await converged(all(), exactly({ "pong.txt": "8" }), { below: "ping" });
  });

  test("LO2: a file that is written slowly arrives whole", async () => {
    mkdirSync(a.at("slow"));
    let written = "";
    for (let i = 0; i < 12; i++) {
      const line = `line ${i}\n`;
      appendFileSync(a.at("slow/log.txt"), line);
      written += line;
      await sleep(120);
    }
    await converged(all(), exactly({ "log.txt": written }), { below: "slow" });
  });

  test("LO2: a large file that is edited while it goes up arrives as it was left", async () => {
    a.write("hot/file.bin", randomBytes(20_000_000));
    const file = openSync(a.at("hot/file.bin"), "r+");
    for (let i = 0; i < 20; i++) {
      writeSync(file, randomBytes(1000), 0, 1000, (i * 7_919_113) % 19_000_000);
      await sleep(60);
    }
    closeSync(file);
    const { "file.bin": left } = a.tree("hot");
    await converged(all(), exactly({ "file.bin": left! }), { below: "hot" });
  });

  test("LO4, LO6: links, pipes, names that the drive cannot hold, and what is ignored stay; what cannot go is told", async () => {
    a.write("odd/plain.txt", "plain");
    a.write("odd/a:b.txt", "colon");
    a.write("odd/notes.txt~", "backup");
    symlinkSync("/etc/passwd", a.at("odd/link"));
    execFileSync("mkfifo", [a.at("odd/pipe")]);
    const problems = await waitFor(async () => {
      const { status } = await a.status();
      return status !== null && status.problems.length >= 3 && status.problems;
    }, 20_000);
    expect(problems.map(({ path }) => path).toSorted()).toEqual(["odd/a:b.txt", "odd/link", "odd/pipe"]);
    await converged([b, c], exactly({ "plain.txt": "plain" }), { below: "odd" });
    expect(a.read("odd/a:b.txt")).toBe("colon");
    for (const name of ["a:b.txt", "link", "pipe", "notes.txt~"]) rmSync(a.at(`odd/${name}`));
    await waitFor(async () => (await a.status()).status?.problems.length === 0, 20_000);
  });
});

/** What was there, what each does while no process runs, and what all have in the end. Each in a folder of its own. */
const APART: Record<
  string,
  { base?: Tree; a?: (at: Side) => void; b?: (at: Side) => void; c?: (at: Side) => void; isRight(tree: Tree): boolean }
> = {
  "edit and edit: what came first has the name, the other lies beside it": {
    base: { "x.txt": "0" },
    a: ({ write }) => write("x.txt", "a"),
    b: ({ write }) => write("x.txt", "b"),
    isRight: (tree) => texts(tree).join() === "a,b" && "x.txt" in tree,
  },
  "three edits: nothing is lost, and no name is nested": {
    base: { "x.txt": "0" },
    a: ({ write }) => write("x.txt", "a"),
    b: ({ write }) => write("x.txt", "b"),
    c: ({ write }) => write("x.txt", "c"),
    isRight: (tree) => texts(tree).join() === "a,b,c" && !Object.keys(tree).some((name) => /\).*\).*\)/.test(name)),
  },
  "the same edit twice is none": {
    base: { "x.txt": "0" },
    a: ({ write }) => write("x.txt", "same"),
    b: ({ write }) => write("x.txt", "same"),
    isRight: exactly({ "x.txt": "same" }),
  },
  "edit and delete: the edit wins": {
    base: { "x.txt": "0" },
    a: ({ remove }) => remove("x.txt"),
    b: ({ write }) => write("x.txt", "b"),
    isRight: exactly({ "x.txt": "b" }),
  },
  "delete and delete": {
    base: { "x.txt": "0", "y.txt": "1" },
    a: ({ remove }) => remove("x.txt"),
    b: ({ remove }) => remove("x.txt"),
    isRight: exactly({ "y.txt": "1" }),
  },
  "edit and move: both": {
    base: { "x.txt": "0", to: null },
    a: ({ move }) => move("x.txt", "to/y.txt"),
    b: ({ write }) => write("x.txt", "b"),
    isRight: exactly({ to: null, "to/y.txt": "b" }),
  },
  "move and move: one place": {
    base: { "x.txt": "0", one: null, two: null },
    a: ({ move }) => move("x.txt", "one/x.txt"),
    b: ({ move }) => move("x.txt", "two/x.txt"),
    isRight: (tree) => texts(tree).join() === "0" && !("x.txt" in tree),
  },
  "a folder is moved, and another machine puts something in it": {
    base: { old: null, "old/x.txt": "0" },
    a: ({ move }) => move("old", "new"),
    b: ({ write }) => write("old/y.txt", "y"),
    isRight: exactly({ new: null, "new/x.txt": "0", "new/y.txt": "y" }),
  },
  "a folder is deleted, and another machine edits something in it": {
    base: { dir: null, "dir/x.txt": "0", "dir/y.txt": "1" },
    a: ({ remove }) => remove("dir"),
    b: ({ write }) => write("dir/x.txt", "b"),
    isRight: has({ "dir/x.txt": "b" }),
  },
  "folders that are moved into each other: both are somewhere": {
    base: { one: null, "one/x.txt": "x", two: null, "two/y.txt": "y" },
    a: ({ move }) => move("one", "two/one"),
    b: ({ move }) => move("two", "one/two"),
    isRight: (tree) => texts(tree).join() === "x,y",
  },
  "renamed, and another of the old name": {
    base: { "x.txt": "0" },
    a: ({ move, write }) => {
      move("x.txt", "y.txt");
      write("x.txt", "new");
    },
    isRight: exactly({ "x.txt": "new", "y.txt": "0" }),
  },
  "deleted, and another of its name": {
    base: { "x.txt": "0" },
    a: ({ remove, write }) => {
      remove("x.txt");
      write("x.txt", "new");
    },
    isRight: exactly({ "x.txt": "new" }),
  },
  "two names change places": {
    base: { "x.txt": "x", "y.txt": "y" },
    a: ({ move }) => {
      move("x.txt", "z");
      move("y.txt", "x.txt");
      move("z", "y.txt");
    },
    isRight: exactly({ "x.txt": "y", "y.txt": "x" }),
  },
  "a file becomes a folder of its name": {
    base: { x: "0" },
    a: ({ remove, write }) => {
      remove("x");
      write("x/y.txt", "y");
    },
    isRight: exactly({ x: null, "x/y.txt": "y" }),
  },
  "a name changes only in case": {
    base: { "readme.txt": "0" },
    a: ({ move }) => move("readme.txt", "README.txt"),
    isRight: exactly({ "README.txt": "0" }),
  },
  "two machines make names that differ in case": {
    base: {},
    a: ({ write }) => write("Note.txt", "a"),
    b: ({ write }) => write("NOTE.txt", "b"),
    isRight: (tree) => texts(tree).join() === "a,b",
  },
  "two machines make names that differ in Unicode form": {
    base: {},
    a: ({ write }) => write("caf\u00e9.txt", "a"),
    b: ({ write }) => write("cafe\u0301.txt", "b"),
    isRight: (tree) => texts(tree).join() === "a,b",
  },
  "two machines make the same folder, with other things in it": {
    base: {},
    a: ({ write }) => write("dir/a.txt", "a"),
    b: ({ write }) => write("dir/b.txt", "b"),
    isRight: exactly({ dir: null, "dir/a.txt": "a", "dir/b.txt": "b" }),
  },
  "two machines make the same file": {
    base: {},
    a: ({ write }) => write("x.txt", "same"),
    c: ({ write }) => write("x.txt", "same"),
    isRight: exactly({ "x.txt": "same" }),
  },
  "a copy of a folder is made, and the original moved": {
    base: { dir: null, "dir/x.txt": "x" },
    a: ({ copy, move }) => {
      copy("dir", "copy");
      move("dir", "moved");
    },
    isRight: exactly({ copy: null, "copy/x.txt": "x", moved: null, "moved/x.txt": "x" }),
  },
};

interface Side {
  write(path: string, text: string): void;
  move(from: string, to: string): void;
  remove(path: string): void;
  copy(from: string, to: string): void;
}

const sideOf = (folder: SyncedFolder, below: string): Side => ({
  write: (path, text) => folder.write(`${below}/${path}`, text),
  move: (from, to) => renameSync(folder.at(`${below}/${from}`), folder.at(`${below}/${to}`)),
  remove: (path) => rmSync(folder.at(`${below}/${path}`), { recursive: true }),
  copy: (from, to) => cpSync(folder.at(`${below}/${from}`), folder.at(`${below}/${to}`), { recursive: true }),
});

describe("what machines do apart", () => {
  const scenarios = Object.entries(APART);
  beforeAll(async () => {
    for (const [i, [, { base = {} }]] of scenarios.entries()) {
      mkdirSync(a.at(`apart/${i}`), { recursive: true });
      for (const [path, text] of Object.entries(base))
        if (text === null) mkdirSync(a.at(`apart/${i}/${path}`), { recursive: true });
        else a.write(`apart/${i}/${path}`, text);
    }
    for (const [i, [, { base = {} }]] of scenarios.entries())
      await converged(all(), exactly(base), { below: `apart/${i}` });
    for (const folder of all()) await folder.kill();
    for (const [i, [, scenario]] of scenarios.entries())
      for (const [name, folder] of Object.entries({ a, b, c }))
        scenario[name as "a" | "b" | "c"]?.(sideOf(folder, `apart/${i}`));
    for (const folder of all()) folder.start();
  });

  test.each(scenarios.map(([name], i) => [name, i] as const))("%s", async (_name, i) => {
    await converged(all(), scenarios[i]![1].isRight, { below: `apart/${i}` });
  });

  test("CF11: conflicts are listed, on whichever machine made the copy", async () => {
    const lists = await Promise.all(
      all().map(({ machine }) => machine.json<{ items: { copy: string }[] }>("conflicts")),
    );
    expect(lists.flatMap(({ items }) => items).length).toBeGreaterThan(2);
  });
});

describe("kill -9", () => {
  test("of the client that sends: it goes on, and nothing is there twice", async () => {
    const expected: Tree = {};
    for (let i = 0; i < 150; i++) expected[`${i}.txt`] = `killed ${i}`;
    for (const [path, text] of Object.entries(expected)) a.write(`sending/${path}`, text!);
    a.write("sending/big.bin", randomBytes(10_000_000));
    expected["big.bin"] = a.read("sending/big.bin");
    for (const after of [150, 400, 700]) {
      await sleep(after);
      await a.kill();
      a.start();
    }
    await converged(all(), exactly(expected), { below: "sending" });
  });

  test("of the client that receives: no half files, and nothing goes back", async () => {
    await b.kill();
    const expected: Tree = {};
    for (let i = 0; i < 100; i++) expected[`${i}.txt`] = `received ${i}`;
    for (const [path, text] of Object.entries(expected)) a.write(`receiving/${path}`, text!);
    a.write("receiving/big.bin", randomBytes(10_000_000));
    expected["big.bin"] = a.read("receiving/big.bin");
    await converged([a, c], exactly(expected), { below: "receiving" });
    for (const after of [900, 1200, 1500]) {
      b.start();
      await sleep(after);
      await b.kill();
      for (const [path, text] of Object.entries(b.tree("receiving")))
        expect([path, text]).toEqual([path, expected[path]]);
    }
    b.start();
    await converged(all(), exactly(expected), { below: "receiving" });
  });

  test("of the runtime: both sides go on when it is back", async () => {
    const expected: Tree = {};
    for (let kill = 0; kill < 3; kill++) {
      const killed = killRuntime({ data: data.path, url: product.url });
      for (let i = kill * 50; i < kill * 50 + 50; i++) {
        expected[`${i}.txt`] = `runtime ${i}`;
        all()[i % 3]!.write(`runtime/${i}.txt`, `runtime ${i}`);
        await sleep(10);
      }
      await killed;
    }
    await converged(all(), exactly(expected), { below: "runtime", wait_ms: 60_000 });
  });

  test("EX5: a client that is started while the runtime is away waits for it", async () => {
    await b.kill();
    const killed = killRuntime({ data: data.path, url: product.url });
    b.start();
    b.write("early/x.txt", "x");
    await killed;
    await converged(all(), exactly({ "x.txt": "x" }), { below: "early" });
  });
});

describe("brakes and wishes", () => {
  test("BR4: paused, nothing moves; resumed, it goes on", async () => {
    await b.machine.ok("sync", b.root, "--pause");
    await waitFor(async () => (await b.status()).status?.state === "paused", 20_000);
    a.write("pause/x.txt", "x");
    b.write("pause-b/y.txt", "y");
    await converged([a, c], exactly({ "x.txt": "x" }), { below: "pause" });
    expect([b.tree("pause"), a.tree("pause-b")]).toEqual([{}, {}]);
    await b.machine.ok("sync", b.root, "--resume");
    await converged(all(), exactly({ "x.txt": "x" }), { below: "pause" });
    await converged(all(), exactly({ "y.txt": "y" }), { below: "pause-b" });
  });

  test("BR1: a folder that is gone, or empty, stops its client; nothing is deleted anywhere, and it goes on when it is back", async () => {
    const before = a.tree();
    renameSync(b.root, `${b.root}-away`);
    await waitFor(async () => (await b.status()).status?.state === "stopped", 20_000);
    await b.kill();
    mkdirSync(b.root);
    const ran = await b.once();
    expect([ran.code, readdirSync(b.root)]).toEqual([5, []]);
    rmSync(b.root, { recursive: true });
    renameSync(`${b.root}-away`, b.root);
    b.start();
    a.write("back.txt", "1");
    await converged(all(), exactly({ ...before, "back.txt": "1" }));
  });

  test("BR2: many deletions at once wait for a word, on the machine that would delete as well", async () => {
    for (const name of readdirSync(a.root)) if (name !== ".edgedrive") rmSync(a.at(name), { recursive: true });
    const stopped = (folder: SyncedFolder) =>
      waitFor(async () => (await folder.status()).status?.stop?.why === "mass_deletion", 20_000);
    await stopped(a);
    expect(Object.keys(b.tree()).length).toBeGreaterThan(500);
    await a.machine.ok("sync", a.root, "--confirm-deletes");
    await stopped(b);
    for (const folder of [b, c]) {
      await stopped(folder);
      await folder.machine.ok("sync", folder.root, "--confirm-deletes");
    }
    await converged(all(), exactly({}));
  });

  test("LO6: what is excluded is not kept here, and stays in the drive", async () => {
    a.write("photos/raw/1.raw", "raw");
    a.write("photos/1.jpg", "jpg");
    await converged(all(), has({ "raw/1.raw": "raw", "1.jpg": "jpg" }), { below: "photos" });
    await c.machine.ok("sync", c.root, "--exclude", "photos/raw");
    await waitFor(() => exactly({ "1.jpg": "jpg" })(c.tree("photos")), 20_000);
    a.write("photos/raw/2.raw", "raw 2");
    await converged([a, b], has({ "raw/1.raw": "raw", "raw/2.raw": "raw 2" }), { below: "photos" });
    expect(Object.keys(c.tree("photos"))).toEqual(["1.jpg"]);
  });

  test("one process syncs a folder", async () => {
    const ran = await a.once();
    expect([ran.code, ran.stderr]).toEqual([5, expect.stringMatching(/^Process \d+ syncs this folder already\.\n$/)]);
  });

  test("a process that is asked to end does, and says so by its code", async () => {
    const running = c.machine.start(["sync", `${c.root}-2`]);
    await waitFor(() => running.stderr().includes("Up to date"), 20_000);
    running.child.kill("SIGTERM");
    expect((await running.ended).code).toBe(130);
    expect(readFileSync(`${c.root}-2/photos/1.jpg`, "utf8")).toBe("jpg");
  });
});
