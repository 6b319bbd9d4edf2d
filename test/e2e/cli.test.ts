/** The command line against the product, as processes of their own: docs/spec/cli.md. */
import { execFileSync } from "node:child_process";
import { createHash } from "node:crypto";
import {
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  statSync,
  symlinkSync,
  utimesSync,
  writeFileSync,
} from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import type { File, Version } from "../../core/protocol/files.ts";
import { inRoot } from "../../scripts/lib/project.ts";
import { type Product, startProduct } from "../../scripts/lib/start-product.ts";
import { Archive } from "../support/e2e/archive.ts";
import { Machine } from "../support/e2e/cli.ts";
import { Device } from "../support/e2e/device.ts";
import { temporaryData } from "../support/spawn-product.ts";
import { waitFor } from "../support/wait-for.ts";

const MiB = 1024 * 1024;

const data = temporaryData();
const laptop = new Machine();
let product: Product;
/** The same person, straight at the API. */
let ada: Device;

type Items<T> = { items: T[] };
const here = (...names: string[]): string => join(laptop.files, ...names);
const namesIn = async (folder: string): Promise<string[]> =>
  (await laptop.json<Items<File>>("ls", folder)).items.map(({ name, is_folder }) => (is_folder ? `${name}/` : name));
const sha256 = (bytes: Uint8Array): string => createHash("sha256").update(bytes).digest("hex");

beforeAll(async () => {
  product = await startProduct({ port: 0, data: data.path, crons: false });
  await laptop.enter(product.url, "ada", "register");
  ada = await Device.login(product.url, "ada", "API");
});

afterAll(async () => {
  await product?.stop();
  data[Symbol.dispose]();
  laptop[Symbol.dispose]();
});

test("CLI1: `npx --no-install edgedrive` runs it, and passes arguments and exit codes through", () => {
  const npx = (...args: string[]) => execFileSync("npx", ["--no-install", "edgedrive", ...args], { cwd: inRoot("") });
  expect(npx("--help").toString()).toContain("edgedrive COMMAND");
  expect(() => npx("nothing")).toThrow(expect.objectContaining({ status: 2 }) as Error);
});

test("CLI5: tokens lie where only their owner can read them, and the password nowhere", async () => {
  const state = join(laptop.home, ".local/state/edgedrive");
  const files = readdirSync(state, { recursive: true, withFileTypes: true });
  expect(files.length).toBeGreaterThan(3);
  for (const entry of files) {
    const path = join(entry.parentPath, entry.name);
    const isFile = entry.isFile();
    if (entry.name !== "refresh.lock") expect([path, statSync(path).mode & 0o077]).toEqual([path, 0]);
    if (isFile) expect(readFileSync(path, "utf8")).not.toContain("correct horse");
  }
  const ran = await laptop.run(["login", product.url, "--email", "ada@example.org"], { input: "wrong" });
  expect([ran.code, ran.stdout]).toEqual([3, ""]);
  expect(await laptop.ok("ls")).toBe("");
});

test("CLI1: folders are made, filled, moved, deleted and brought back", async () => {
  await laptop.ok("mkdir", "-p", "drive:/Docs/Letters", "drive:/Docs/Bills");
  writeFileSync(here("a.txt"), "one");
  expect(await laptop.ok("cp", "a.txt", "drive:/Docs/Letters/")).toBe("");
  await laptop.ok("mv", "drive:/Docs/Letters/a.txt", "drive:/Docs/b.txt");
  expect(await namesIn("drive:/Docs")).toEqual(["b.txt", "Bills/", "Letters/"]);
  const [file] = (await laptop.json<Items<File>>("ls", "drive:/Docs/b.txt")).items;
  expect(file!.mime_type).toBe("text/plain");
  expect(await laptop.ok("ls", "drive:/Docs")).toMatch(
    /^ +SIZE +CHANGED +NAME\n.*3 bytes.*b\.txt\n.*Bills\/\n.*Letters\/\n$/,
  );

  const refused = await laptop.run(["rm", "drive:/Docs"]);
  expect([refused.code, refused.stderr]).toEqual([
    5,
    "drive:/Docs is a folder: -r deletes it with all that is in it.\n",
  ]);
  await laptop.ok("rm", "drive:/Docs/b.txt");
  expect(await namesIn("drive:/Docs")).toEqual(["Bills/", "Letters/"]);
  await laptop.ok("restore", "--trash", "b.txt");
  expect(await namesIn("drive:/Docs")).toEqual(["b.txt", "Bills/", "Letters/"]);
  await laptop.ok("cp", "-r", "drive:/Docs", "drive:/Copy");
  expect(await namesIn("drive:/Copy")).toEqual(["b.txt", "Bills/", "Letters/"]);
  await laptop.ok("rm", "-r", "--forever", "drive:/Copy");
  expect((await laptop.json<Items<File>>("ls", "--trash")).items).toEqual([]);
});

test("CLI1: versions are listed and brought back", async () => {
  writeFileSync(here("v.txt"), "first");
  await laptop.ok("cp", "v.txt", "drive:/v.txt");
  writeFileSync(here("v.txt"), "second, longer");
  await laptop.ok("cp", "v.txt", "drive:/v.txt");
  const versions = (await laptop.json<Items<Version>>("versions", "drive:/v.txt")).items;
  expect(versions.map(({ version_number, size }) => [version_number, size])).toEqual([
    [2, 14],
    [1, 5],
  ]);
  await laptop.ok("restore", "drive:/v.txt", "--version", "1");
  await laptop.ok("cp", "drive:/v.txt", "back.txt");
  expect(readFileSync(here("back.txt"), "utf8")).toBe("first");
});

test("CLI1, CLI3: a tree goes up and comes down as it was; links are told, not followed; a second time costs nothing", async () => {
  mkdirSync(here("tree/deep/er"), { recursive: true });
  const files = new Map<string, Buffer>([["big.bin", Buffer.from(new Archive(9 * MiB, "tree").read(0, 9 * MiB))]]);
  for (let i = 0; i < 120; i++)
    files.set(`${["", "deep/", "deep/er/"][i % 3]}${i} ünï.txt`, Buffer.from(`text ${i}\n`.repeat(i)));
  for (const [name, bytes] of files) writeFileSync(here("tree", name), bytes);
  utimesSync(here("tree/big.bin"), 1_700_000_000, 1_700_000_000.5);
  symlinkSync("/etc/passwd", here("tree/link"));

  const up = await laptop.run(["cp", "-r", "tree", "drive:/", "--json"]);
  expect(up.code, up.stderr).toBe(6);
  const lines = up.stdout
    .trim()
    .split("\n")
    .map((line) => JSON.parse(line) as Record<string, unknown>);
  expect(lines.at(-1)).toMatchObject({ event: "end", done: 121, skipped: 0, failed: 1 });
  expect(up.stderr).toBe("tree/link: This is a symbolic link: it stays here.\n");

  const again = await laptop.run(["cp", "-r", "tree", "drive:/", "--json"]);
  expect(JSON.parse(again.stdout.trim().split("\n").at(-1)!)).toMatchObject({ done: 0, skipped: 121, bytes: 0 });

  await laptop.ok("cp", "-r", "drive:/tree", "copy");
  const found = readdirSync(here("copy"), { recursive: true, withFileTypes: true }).filter((entry) => entry.isFile());
  expect(found).toHaveLength(121);
  for (const [name, bytes] of files) expect(sha256(readFileSync(here("copy", name))), name).toBe(sha256(bytes));
  expect(statSync(here("copy/big.bin")).mtimeMs).toBe(1_700_000_000_500);
});

test("CLI7: an upload that was killed goes on where it stopped", async () => {
  const bytes = Buffer.from(new Archive(24 * MiB, "killed").read(0, 24 * MiB));
  writeFileSync(here("large.bin"), bytes);
  const first = laptop.start(["cp", "large.bin", "drive:/"]);
  await waitFor(async () => (await ada.quota()).reserved_bytes > 0);
  await waitFor(() => readdirSync(join(laptop.home, ".local/state/edgedrive/uploads")).length > 0);
  first.child.kill("SIGKILL");
  await first.ended;
  expect(await namesIn("drive:/")).not.toContain("large.bin");
  await laptop.ok("cp", "large.bin", "drive:/");
  expect(readdirSync(join(laptop.home, ".local/state/edgedrive/uploads"))).toEqual([]);
  const [file] = (await laptop.json<Items<File>>("ls", "drive:/large.bin")).items;
  expect(await ada.downloadHash(file!.file_id)).toBe(sha256(bytes));
});

test("CLI7: a download that was cut goes on where it stopped, and what is there twice is not mixed", async () => {
  const bytes = readFileSync(here("large.bin"));
  const first = laptop.start(["cp", "drive:/large.bin", "down.bin"]);
  const part = (): string | undefined => readdirSync(laptop.files).find((name) => name.endsWith(".edgedrive.part"));
  await waitFor(() => part() !== undefined && statSync(here(part()!)).size > MiB);
  first.child.kill("SIGKILL");
  await first.ended;
  expect(existsSync(here("down.bin"))).toBe(false);
  await laptop.ok("cp", "drive:/large.bin", "down.bin");
  expect(sha256(readFileSync(here("down.bin")))).toBe(sha256(bytes));
  expect(part()).toBeUndefined();
});

test("CLI4: names that others chose cannot steer the terminal", async () => {
  await ada.upload("safe\u202etxt.exe", Buffer.from("x"));
  const shown = await laptop.ok("ls", "drive:/");
  expect(shown).toContain("safe\\u202etxt.exe");
  expect(shown).not.toContain("\u202e");
  expect((await laptop.json<Items<File>>("ls", "drive:/")).items.map(({ name }) => name)).toContain(
    "safe\u202etxt.exe",
  );
});

test("CLI1: sharing by link and with a person, and ending it", async () => {
  using grace = new Machine();
  await grace.enter(product.url, "grace", "register");
  const link = (await laptop.ok("share", "drive:/v.txt", "--link", "--expires", "7d")).trim();
  expect((await fetch(`${link}/download`)).status).toBe(200);
  await laptop.ok("share", "drive:/v.txt", "--with", "grace@example.org");
  expect((await grace.json<Items<{ file: File }>>("ls", "--shared")).items[0]).toMatchObject({
    file: { name: "v.txt" },
  });
  const { items } = await laptop.json<Items<{ kind: string; permission_id: string }>>("share", "drive:/v.txt");
  expect(items.map(({ kind }) => kind).toSorted()).toEqual(["link", "user"]);
  for (const { permission_id } of items) await laptop.ok("share", "drive:/v.txt", "--revoke", permission_id);
  expect((await grace.json<Items<unknown>>("ls", "--shared")).items).toEqual([]);
});

test("CLI1: search finds by content, with the path", async () => {
  writeFileSync(here("poem.txt"), "The heliotrope blooms behind the boathouse.\n");
  await laptop.ok("cp", "poem.txt", "drive:/Docs/Letters/");
  const hit = await waitFor(
    async () => (await laptop.json<Items<{ path: string }>>("search", "heliotrope")).items[0],
    60_000,
  );
  expect(hit.path).toBe("drive:/Docs/Letters/poem.txt");
});

test("CLI3: what goes wrong has its exit code, and says so on standard error alone", async () => {
  const cases: [number, string[]][] = [
    [2, ["cp", "a.txt", "b.txt"]],
    [2, ["ls", "--nonsense"]],
    [4, ["ls", "drive:/nothing"]],
    [4, ["cp", "nothing.txt", "drive:/"]],
    [5, ["mkdir", "drive:/Docs"]],
    [5, ["mv", "drive:/Docs", "drive:/Docs/Letters"]],
  ];
  for (const [code, args] of cases) {
    const ran = await laptop.run(args);
    expect([args, ran.code, ran.stdout]).toEqual([args, code, ""]);
    expect(ran.stderr).not.toContain("    at ");
  }
  using nobody = new Machine();
  expect((await nobody.run(["ls"])).code).toBe(3);
  expect((await nobody.run(["login", "http://127.0.0.1:1", "--email", "a@b.org"], { input: "x" })).code).toBe(7);
  expect((await nobody.run(["login", "http://192.0.2.1", "--email", "a@b.org"], { input: "x" })).code).toBe(2);
});

test("CLI6: many at once spend one refresh token after the other, and none ends the sign-in", async () => {
  const runs = await Promise.all(Array.from({ length: 8 }, () => laptop.run(["ls", "--json"])));
  expect(runs.map(({ code }) => code)).toEqual(runs.map(() => 0));
});

test("CLI1: devices are listed and signed out; logout forgets the tokens", async () => {
  using phone = new Machine();
  await phone.enter(product.url, "ada", "login");
  const { this_device_id } = await phone.json<{ this_device_id: string }>("devices");
  await laptop.ok("devices", "--remove", this_device_id);
  expect((await phone.run(["ls"])).code).toBe(3);
  await laptop.ok("logout");
  expect((await laptop.run(["ls"])).code).toBe(3);
});
