import { sanitise } from "./sanitise.ts";

type Sink = Pick<NodeJS.WriteStream, "write"> & { isTTY?: boolean | undefined; columns?: number | undefined };

export interface OutputOptions {
  json: boolean;
  stdout: Sink;
  stderr: Sink;
}

/** What a command has to say: results to standard output, all else to standard error. docs/spec/cli.md, CLI2 and CLI4. */
export class Output {
  readonly json: boolean;
  readonly #stdout: Sink;
  readonly #stderr: Sink;
  #status = "";

  constructor({ json, stdout, stderr }: OutputOptions) {
    this.json = json;
    this.#stdout = stdout;
    this.#stderr = stderr;
  }

  /** Whether somebody watches what goes on. */
  get live(): boolean {
    return this.#stderr.isTTY === true && !this.json;
  }

  /** A result: the document with `--json`, else its lines. */
  result(document: unknown, lines: () => readonly string[]): void {
    this.status("");
    if (this.json) this.#stdout.write(`${JSON.stringify(document)}\n`);
    else for (const line of lines()) this.#stdout.write(`${sanitise(line)}\n`);
  }

  /** Text that is ours, with its line breaks, such as a script or a help page. */
  text(text: string): void {
    this.#stdout.write(text.endsWith("\n") ? text : `${text}\n`);
  }

  /** A sentence about what happened or went wrong. */
  note(message: string): void {
    this.status("");
    this.#stderr.write(`${message.split("\n").map(sanitise).join("\n")}\n`);
  }

  /** The one line that is written anew as things go on; empty takes it away. */
  status(line: string): void {
    if (!this.live || line === this.#status) return;
    const width = Math.max(20, (this.#stderr.columns ?? 80) - 1);
    const text = sanitise(line);
    const shown = text.length > width ? `${text.slice(0, width - 1)}…` : text;
    this.#stderr.write(`\r\u001b[2K${shown}`);
    this.#status = line;
  }
}
