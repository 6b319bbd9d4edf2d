/** Two `edgedrive sync` of one person, each with a home of its own, against a product of this machine. */
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdirSync } from "node:fs";
import { connect, createServer, type AddressInfo } from "node:net";
import { join } from "node:path";
import { inRoot } from "../../scripts/lib/project.ts";
import type { CleanUp } from "../lib/clean-up.ts";
import { waitUntil } from "../lib/wait-until.ts";
import type { Pair } from "./pair.ts";

const EMAIL = "bench@example.org";
const PASSWORD = "correct horse battery staple";

/** Passes all on to the product, and counts what comes from its client: headers, tokens and all. */
async function countingProxy(cleanUp: CleanUp, target: string): Promise<{ url: string; sent: () => number }> {
  let sent = 0;
  const { hostname, port } = new URL(target);
  const server = createServer((from) => {
    const to = connect(Number(port), hostname);
    from.on("data", (piece) => (sent += piece.length));
    from.pipe(to).pipe(from);
    for (const end of [from, to]) end.on("error", () => (from.destroy(), to.destroy()));
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  cleanUp.defer(() => void server.close());
  return { url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`, sent: () => sent };
}

class Machine {
  readonly folder: string;
  readonly #home: string;

  constructor(place: string) {
    this.#home = join(place, "home");
    this.folder = join(place, "folder");
    for (const directory of [this.#home, this.folder]) mkdirSync(directory, { recursive: true });
  }

  spawn(args: readonly string[]): ChildProcess {
    return spawn(process.execPath, ["--disable-warning=ExperimentalWarning", inRoot("cli/main.ts"), ...args], {
      env: { PATH: process.env.PATH, HOME: this.#home, LANG: "en_US.UTF-8" },
      stdio: ["pipe", "pipe", "inherit"],
    });
  }

  async run(args: readonly string[], input = ""): Promise<string> {
    const child = this.spawn(args);
    let text = "";
    child.stdout?.on("data", (piece: Buffer) => (text += piece.toString()));
    child.stdin?.end(input);
    const [code] = (await once(child, "close")) as [number];
    if (code !== 0) throw new Error(`edgedrive ${args.join(" ")}: ${code}`);
    return text;
  }

  /** Signs in, syncs once, then keeps at it. */
  async start(cleanUp: CleanUp, url: string, account: readonly string[]): Promise<void> {
    await this.run(["login", url, "--email", EMAIL, ...account], `${PASSWORD}\n`);
    await this.run(["sync", this.folder, "--once"]);
    const child = this.spawn(["sync", this.folder, "--json"]);
    child.stdout?.resume();
    cleanUp.defer(async () => {
      if (child.exitCode !== null) return;
      child.kill("SIGTERM");
      await once(child, "exit");
    });
    await waitUntil("it is in sync", 60_000, async () => {
      const shown = JSON.parse(await this.run(["status", this.folder, "--json"])) as {
        items: { running: boolean; status: { state: string } }[];
      };
      return shown.items.every(({ running, status }) => running && status.state === "in_sync");
    });
  }
}

export async function startEdgedrive(cleanUp: CleanUp, place: string, product: string): Promise<Pair> {
  const proxy = await countingProxy(cleanUp, product);
  const machines = [new Machine(join(place, "a")), new Machine(join(place, "b"))] as const;
  await machines[0].start(cleanUp, proxy.url, ["--register", "--name", "Bench"]);
  await machines[1].start(cleanUp, product, []);
  return {
    name: "edgedrive",
    folders: [machines[0].folder, machines[1].folder],
    sent: async () => proxy.sent(),
  };
}
