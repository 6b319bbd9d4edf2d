import { execFileSync } from "node:child_process";
import { parseArgs } from "node:util";
import { describe, expect, test } from "vitest";
import { COMMON } from "./command.ts";
import { commandHelp, overview } from "./help.ts";
import { loadAll, COMMANDS } from "./registry.ts";

const commands = await loadAll();

describe.each(commands)("$name", (command) => {
  test("CLI8: its help has an example, and its examples can be read as they stand", () => {
    expect(command.examples.length).toBeGreaterThan(0);
    for (const [example] of command.examples) {
      const words = /edgedrive ([^|>")]*)/.exec(example)![1]!.trim().split(/\s+/);
      expect(words[0]).toBe(command.name);
      const options = { ...command.options, ...COMMON };
      expect(() => parseArgs({ args: words.slice(1), options, allowPositionals: true })).not.toThrow();
      expect(commandHelp(command)).toContain(example);
    }
  });
});

test("CLI1: names in the registry are those of the commands", () => {
  expect(commands.map(({ name }) => name)).toEqual(Object.keys(COMMANDS));
  for (const name of Object.keys(COMMANDS)) expect(overview(commands)).toContain(`  ${name} `);
});

test("CLI8: the script for bash completes commands and options", async () => {
  let script = "";
  const { default: completion } = await import("./commands/completion.ts");
  const out = { text: (text: string) => (script = text) } as never;
  await completion.run({ values: {}, positionals: ["bash"], out, drive: undefined as never, onInterrupt: () => {} });
  const complete = (...words: string[]): string[] =>
    execFileSync("bash", [
      "-c",
      `${script}\nCOMP_WORDS=(${words.map((word) => `'${word}'`).join(" ")}); COMP_CWORD=${words.length - 1}; _edgedrive; echo "\${COMPREPLY[*]}"`,
    ])
      .toString()
      .trim()
      .split(" ");
  expect(complete("edgedrive", "ve")).toEqual(["versions"]);
  expect(complete("edgedrive", "cp", "--rec")).toEqual(["--recursive"]);
  expect(complete("edgedrive", "cp", "x")).toEqual([""]);
});
