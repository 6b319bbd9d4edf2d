/** Someone's machine: the command line as a process of its own, with a home directory of its own. */
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdirSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect } from "vitest";
import { inRoot } from "../../../scripts/lib/project.ts";
import { PASSWORD } from "./device.ts";

export interface Ran {
  code: number | null;
  stdout: string;
  stderr: string;
}

export interface Running {
  child: ChildProcess;
  stdout(): string;
  stderr(): string;
  ended: Promise<Ran>;
}

export class Machine implements Disposable {
  readonly home = mkdtempSync(join(tmpdir(), "edgedrive-home-"));
  /** Where its commands are called. */
  readonly files = join(this.home, "files");

  constructor() {
    mkdirSync(this.files);
  }

  start(args: readonly string[], { input = "" }: { input?: string } = {}): Running {
    const child = spawn(process.execPath, ["--disable-warning=ExperimentalWarning", inRoot("cli/main.ts"), ...args], {
      cwd: this.files,
      env: { PATH: process.env.PATH, HOME: this.home, LANG: "en_US.UTF-8", TZ: "UTC" },
    });
    const texts = { stdout: "", stderr: "" };
    child.stdout.setEncoding("utf8").on("data", (text: string) => (texts.stdout += text));
    child.stderr.setEncoding("utf8").on("data", (text: string) => (texts.stderr += text));
    child.stdin.end(input);
    const ended = once(child, "close").then(([code]) => ({ code: code as number | null, ...texts }));
    return { child, stdout: () => texts.stdout, stderr: () => texts.stderr, ended };
  }

  run(args: readonly string[], options?: { input?: string }): Promise<Ran> {
    return this.start(args, options).ended;
  }

  /** As {@link run}, for what is expected to work. @returns what it printed */
  async ok(...args: string[]): Promise<string> {
    const ran = await this.run(args);
    expect(ran.code, `edgedrive ${args.join(" ")}\n${ran.stdout}${ran.stderr}`).toBe(0);
    return ran.stdout;
  }

  async json<T>(...args: string[]): Promise<T> {
    return JSON.parse(await this.ok(...args, "--json")) as T;
  }

  /** Makes an account, or signs in to one that is there. */
  async enter(url: string, name: string, how: "register" | "login"): Promise<void> {
    const account = how === "register" ? ["--register", "--name", name] : [];
    const ran = await this.run(["login", url, "--email", `${name}@example.org`, ...account], {
      input: `${PASSWORD}\n`,
    });
    expect(ran.code, ran.stderr).toBe(0);
  }

  [Symbol.dispose](): void {
    rmSync(this.home, { recursive: true, force: true });
  }
}
