import { COMMON, type Command, type Option } from "./command.ts";

const flagOf = (name: string, { short, value }: Option): string =>
  `${short ? `-${short}, ` : "    "}--${name}${value ? ` ${value}` : ""}`;

/** Two columns, the left one as wide as its widest. */
function columns(rows: [left: string, right: string][]): string[] {
  const width = Math.max(...rows.map(([left]) => left.length));
  return rows.map(([left, right]) => `  ${left.padEnd(width)}  ${right}`);
}

export function commandHelp({ name, summary, forms, options, about, examples }: Command): string {
  const flags = Object.entries({ ...options, ...COMMON }) as [string, Option][];
  return [
    summary,
    "",
    ...forms.map((form) => `  edgedrive ${name}${form && ` ${form}`}`),
    ...(about === undefined ? [] : ["", about]),
    "",
    "Options:",
    ...columns(flags.map(([flag, option]) => [flagOf(flag, option), option.help])),
    "",
    "Examples:",
    ...columns(examples),
  ].join("\n");
}

export const overview = (commands: readonly Command[]): string =>
  [
    "Edgedrive: your drive, on the command line.",
    "",
    "  edgedrive COMMAND [...]",
    "",
    ...columns(commands.map(({ name, summary }) => [name, summary])),
    "",
    "Paths of the drive begin with `drive:`, such as drive:/Docs/a.txt; all others are local.",
    "`edgedrive COMMAND --help` shows what a command can do, with examples.",
  ].join("\n");
