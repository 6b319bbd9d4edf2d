import { once } from "node:events";
import { readFileSync, statSync } from "node:fs";
import { createServer, type AddressInfo } from "node:net";
import { join } from "node:path";
import { spawn } from "node:child_process";
import { afterEach, describe, expect, it } from "vitest";
import { inRoot } from "../../scripts/lib/project.ts";
import { startProduct } from "../../scripts/lib/start-product.ts";
import {
  allGone,
  endProduct,
  readPidFile,
  runStart,
  spawnProduct,
  temporaryData,
  type SpawnedProduct,
} from "../support/spawn-product.ts";
import { waitFor } from "../support/wait-for.ts";

const running: SpawnedProduct[] = [];
afterEach(async () => void (await Promise.all(running.splice(0).map(endProduct))));

async function start(data: string, args?: string[]): Promise<SpawnedProduct> {
  const product = await spawnProduct(data, args);
  running.push(product);
  return product;
}

const ready = async (url: string): Promise<boolean> =>
  (await fetch(`${url}/readyz`).catch(() => undefined))?.ok ?? false;

/** Puts an object into R2 and reads it back from another start: state that only the disk can carry. */
async function writeState(data: string, text: string): Promise<void> {
  const product = await startProduct({ port: 0, data, crons: false });
  await (await product.mf.getR2Bucket("BLOBS", "edgedrive-api")).put("test/state", text);
  await product.stop();
}

async function readState(data: string): Promise<string | undefined> {
  const product = await startProduct({ port: 0, data, crons: false });
  const object = await (await product.mf.getR2Bucket("BLOBS", "edgedrive-api")).get("test/state");
  const text = await object?.text();
  await product.stop();
  return text;
}

describe("npm start", () => {
  it("starts on a free port, answers on 127.0.0.1 and says where", async () => {
    using data = temporaryData();
    const product = await start(data.path);
    expect(await ready(product.url)).toBe(true);
    expect(product.url).toMatch(/^http:\/\/127\.0\.0\.1:\d+$/);
    expect(product.output()).toContain(data.path);
    expect((await fetch(product.url)).headers.get("content-type")).toContain("text/html");
  });

  it("generates secrets that only their owner reads, and keeps them", async () => {
    using data = temporaryData();
    await endProduct(await spawnProduct(data.path));
    const path = join(data.path, "secrets.json");
    const first = readFileSync(path, "utf8");
    expect(statSync(path).mode & 0o777).toBe(0o600);
    expect(Object.keys(JSON.parse(first) as object)).toContain("TOKEN_SECRET");
    await endProduct(await spawnProduct(data.path));
    expect(readFileSync(path, "utf8")).toBe(first);
  });

  it("is ready within 15 s the second time, with its state", async () => {
    using data = temporaryData();
    await writeState(data.path, "kept");
    const started = Date.now();
    await start(data.path);
    expect(Date.now() - started).toBeLessThan(15_000);
    await endProduct(running.pop()!);
    expect(await readState(data.path)).toBe("kept");
  });

  it("runs two copies side by side, each with state of its own", async () => {
    using one = temporaryData();
    using two = temporaryData();
    await writeState(one.path, "one");
    const [first, second] = await Promise.all([start(one.path), start(two.path)]);
    expect(first.url).not.toBe(second.url);
    expect(await Promise.all([ready(first.url), ready(second.url)])).toEqual([true, true]);
    await endProduct(running.pop()!);
    await endProduct(running.pop()!);
    expect(await readState(two.path)).toBeUndefined();
  });

  it.each(["SIGTERM", "SIGINT"] as const)("%s ends every process within 2 s, with code 0", async (signal) => {
    using data = temporaryData();
    const product = await spawnProduct(data.path);
    const { self, children } = product.processes();
    expect(children.length).toBeGreaterThan(0);
    const sent = Date.now();
    product.process.kill(signal);
    expect(await product.exited).toEqual({ code: 0, signal: null });
    expect(Date.now() - sent).toBeLessThan(2_000);
    expect(allGone([self, ...children])).toBe(true);
    expect(await ready(product.url)).toBe(false);
  });

  it("after kill -9, the next start ends what was left and finds its state", async () => {
    using data = temporaryData();
    await writeState(data.path, "before");
    const killed = await spawnProduct(data.path);
    const { children } = killed.processes();
    killed.process.kill("SIGKILL");
    await killed.exited;
    expect(allGone(children)).toBe(false);

    const product = await start(data.path);
    expect(allGone(children)).toBe(true);
    expect(product.output()).toContain("left by a start that was killed");
    await endProduct(running.pop()!);
    expect(await readState(data.path)).toBe("before");
  });

  it("restarts workerd when it is killed, on the same address and data", async () => {
    using data = temporaryData();
    const product = await start(data.path);
    const { children } = product.processes();
    for (const { pid } of children) process.kill(pid, "SIGKILL");
    await waitFor(() => product.output().includes("runs again"));
    await waitFor(() => ready(product.url));
    const again = product.processes().children;
    expect(again.map(({ pid }) => pid)).not.toEqual(children.map(({ pid }) => pid));
    expect(again).toHaveLength(children.length);
  });

  it("refuses a data directory that another start holds, and names it", async () => {
    using data = temporaryData();
    const product = await start(data.path);
    const { code, output } = await runStart(data.path, ["--port", "0"]);
    expect(code).toBe(1);
    expect(output).toContain(`already runs on ${data.path} (process ${product.process.pid}, at ${product.url})`);
    expect(await ready(product.url)).toBe(true);
  });

  it("refuses a port that is in use, and leaves nothing", async () => {
    using data = temporaryData();
    const server = createServer().listen(0, "127.0.0.1");
    await once(server, "listening");
    const { port } = server.address() as AddressInfo;
    const { code, output } = await runStart(data.path, ["--port", String(port)]);
    server.close();
    expect(code).toBe(1);
    expect(output).toContain(`Port ${port} is in use`);
  });

  it.each(["-1", "65536", "eighty", ""])("refuses --port %j", async (port) => {
    using data = temporaryData();
    const { code, output } = await runStart(data.path, [`--port=${port}`]);
    expect(code).toBe(1);
    expect(output).toContain("--port wants a number");
  });

  it.each([
    { killed: "the bootstrap", command: process.execPath, args: [inRoot("scripts/bootstrap.mjs"), "scripts/start.ts"] },
    { killed: "npm", command: "npm", args: ["start", "--silent", "--"] },
  ])("ends when $killed that started it is killed with -9", async ({ command, args }) => {
    using data = temporaryData();
    const parent = spawn(command, [...args, "--port", "0", "--data", data.path], {
      cwd: inRoot(""),
      stdio: ["ignore", "pipe", "inherit"],
    });
    let output = "";
    parent.stdout.setEncoding("utf8").on("data", (text: string) => (output += text));
    await waitFor(() => output.includes("Open"), 60_000);
    const { self, children } = readPidFile(data.path);
    parent.kill("SIGKILL");
    await waitFor(() => allGone([self, ...children]));
  });
});
