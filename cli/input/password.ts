import { text } from "node:stream/consumers";
import { createInterface } from "node:readline/promises";
import { Writable } from "node:stream";
import { usage } from "../exit-codes.ts";

/** docs/spec/cli.md, CLI5: asked for without showing it, or all of standard input when that is no terminal. */
export async function readPassword(question: string): Promise<string> {
  if (!process.stdin.isTTY) return (await text(process.stdin)).replace(/\r?\n$/, "");
  process.stderr.write(`${question}: `);
  const silent = new Writable({ write: (_chunk, _encoding, done) => done() });
  const lines = createInterface({ input: process.stdin, output: silent, terminal: true });
  try {
    return await lines.question("");
  } finally {
    lines.close();
    process.stderr.write("\n");
  }
}

/** @throws CliError (usage) when nobody can be asked */
export async function readLine(question: string, option: string): Promise<string> {
  if (!process.stdin.isTTY) throw usage(`Give ${option}: there is no terminal to ask at.`);
  const lines = createInterface({ input: process.stdin, output: process.stderr });
  try {
    return (await lines.question(`${question}: `)).trim();
  } finally {
    lines.close();
  }
}
