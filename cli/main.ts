import { parseArgs } from "node:util";
import { COMMON, type Context } from "./command.ts";
import { EXIT, type ExitCode, exitCodeOf, wordsOf } from "./exit-codes.ts";
import { commandHelp, overview } from "./help.ts";
import { Output } from "./output/output.ts";
import { loadAll, loadCommand } from "./registry.ts";

const [name = "--help", ...rest] = process.argv.slice(2);
const out = new Output({ json: rest.includes("--json"), stdout: process.stdout, stderr: process.stderr });

// Whoever reads our output has had enough (`| head`): no failure.
process.stdout.on("error", (error: NodeJS.ErrnoException) => process.exit(error.code === "EPIPE" ? 0 : EXIT.failed));

let interrupt = (): void => {
  out.status("");
  process.exit(EXIT.interrupted);
};
for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"] as const) process.on(signal, () => interrupt());

process.exitCode = await main();

async function main(): Promise<ExitCode> {
  if (["--help", "-h", "help"].includes(name)) {
    out.text(overview(await loadAll()));
    return EXIT.done;
  }
  const command = await loadCommand(name);
  if (command === null) {
    out.note(`There is no command “${name}”. \`edgedrive --help\` lists them.`);
    return EXIT.usage;
  }
  try {
    const options = { ...command.options, ...COMMON };
    const { values, positionals } = parseArgs({ args: rest, options, allowPositionals: true });
    if (values["help"] === true) {
      out.text(commandHelp(command));
      return EXIT.done;
    }
    const context: Context = {
      values: values as Context["values"],
      positionals,
      out,
      drive: async () => (await import("./drive/drive.ts")).openDrive(out),
      onInterrupt: (stop) => (interrupt = stop),
    };
    return (await command.run(context)) ?? EXIT.done;
  } catch (error) {
    const code = exitCodeOf(error);
    out.note(wordsOf(error));
    if (code === EXIT.usage) out.note(`\`edgedrive ${name} --help\` shows how to use it.`);
    return code;
  } finally {
    out.status("");
  }
}
