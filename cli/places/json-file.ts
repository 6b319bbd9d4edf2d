import { mkdirSync, readFileSync, renameSync, writeFileSync } from "node:fs";
import { dirname } from "node:path";
import type { z } from "zod";
import { CliError, EXIT } from "../exit-codes.ts";

/** A small document that several processes read and one writes at a time; none ever sees half of it. */
export class JsonFile<T extends z.ZodType> {
  readonly path: string;
  readonly #schema: T;

  constructor(path: string, schema: T) {
    this.path = path;
    this.#schema = schema;
  }

  /** Null when there is none. @throws CliError when it is not what this program writes */
  read(): z.infer<T> | null {
    let text: string;
    try {
      text = readFileSync(this.path, "utf8");
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code === "ENOENT") return null;
      throw error;
    }
    try {
      return this.#schema.parse(JSON.parse(text));
    } catch {
      throw new CliError(EXIT.failed, `${this.path} cannot be read. Mend it, or remove it.`);
    }
  }

  write(value: z.infer<T>): void {
    mkdirSync(dirname(this.path), { recursive: true, mode: 0o700 });
    const temporary = `${this.path}.${process.pid}.new`;
    writeFileSync(temporary, `${JSON.stringify(value, null, 2)}\n`, { mode: 0o600 });
    renameSync(temporary, this.path);
  }
}
