import type { parseArgs, ParseArgsConfig } from "node:util";
import type { Drive } from "./drive/drive.ts";
import { type ExitCode, usage } from "./exit-codes.ts";
import type { Output } from "./output/output.ts";

type ParseOption = NonNullable<ParseArgsConfig["options"]>[string];
/** `value` names what the option wants, in help. */
export type Option = ParseOption & { help: string; value?: string };
export type Options = Record<string, Option>;

/** Of every command. */
export const COMMON = {
  json: { type: "boolean", help: "one JSON document, or lines of JSON, on standard output" },
  help: { type: "boolean", short: "h", help: "this page" },
} as const satisfies Options;

type Values<O extends Options> = ReturnType<typeof parseArgs<{ options: O }>>["values"];

export interface Context<O extends Options = Options> {
  values: Values<O>;
  positionals: string[];
  out: Output;
  /** Whoever is signed in. @throws CliError when nobody is */
  drive(): Promise<Drive>;
  /** Replaces what an interrupt (Ctrl-C, SIGTERM) does, which is to end at once. */
  onInterrupt(stop: () => void): void;
}

export interface Command<O extends Options = Options> {
  name: string;
  /** One line. */
  summary: string;
  /** What stands behind `edgedrive NAME`, a line for each form. */
  forms: string[];
  options: O;
  /** Paragraphs that explain what the forms do not. */
  about?: string;
  /** Commands that work as they stand, and what they do. */
  examples: [command: string, does: string][];
  /** Nothing means done. */
  run(context: Context<O>): Promise<ExitCode | void>;
}

/** Keeps the types of its options. */
export const command = <O extends Options>(spec: Command<O>): Command<O> => spec;

/** @throws CliError (usage) when there are fewer or more than that */
export function expectPositionals({ positionals }: Pick<Context, "positionals">, least: number, most: number): void {
  if (positionals.length < least) throw usage("Something is missing.");
  if (positionals.length > most) throw usage(`“${positionals[most]}” is one too many.`);
}
