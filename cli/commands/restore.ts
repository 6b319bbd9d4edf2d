import type { File, Files } from "../../client/index.ts";
import { command, expectPositionals } from "../command.ts";
import { allOf, mustFind, pages } from "../drive/paths.ts";
import { CliError, EXIT, usage } from "../exit-codes.ts";

/** By its number, as `versions` shows it, or by its id. */
async function versionOf(files: Files, file: File, wanted: string): Promise<string> {
  for await (const versions of pages((cursor) => files.versions(file.file_id, { cursor }))) {
    const found = versions.find((v) => String(v.version_number) === wanted || v.version_id === wanted);
    if (found !== undefined) return found.version_id;
  }
  throw new CliError(EXIT.not_found, `“${file.name}” has no version ${wanted}.`);
}

/** By its id, or by its name when only one has it. */
async function trashedOne(files: Files, wanted: string): Promise<File> {
  const trashed = await allOf((cursor) => files.trashed({ cursor }));
  const found = trashed.filter(({ file_id, name }) => file_id === wanted || name === wanted.normalize("NFC"));
  if (found.length === 0) throw new CliError(EXIT.not_found, `There is no “${wanted}” in the trash.`);
  if (found.length > 1)
    throw usage(
      `${found.length} things in the trash are called “${wanted}”: give the file_id of one (edgedrive ls --trash --json).`,
    );
  return found[0]!;
}

export default command({
  name: "restore",
  summary: "Bring back an older version of a file, or something out of the trash.",
  forms: ["drive:/FILE --version NUMBER", "--trash NAME..."],
  options: {
    version: { type: "string", value: "NUMBER", help: "as `edgedrive versions` shows it" },
    trash: { type: "boolean", help: "names, or ids, of what lies in the trash" },
  },
  about: "The older version becomes the newest one; none is lost. What comes out of the trash goes back where it was.",
  examples: [
    ["edgedrive restore drive:/Docs/a.txt --version 3", "version 3 becomes the current one"],
    ["edgedrive restore --trash old.txt", "takes it out of the trash"],
  ],
  async run(context) {
    const { values, positionals, out } = context;
    if (values.trash === (values.version !== undefined)) throw usage("Give --version NUMBER, or --trash.");
    expectPositionals(context, 1, values.trash ? Infinity : 1);
    const drive = await context.drive();
    const { files } = drive;
    const restored: File[] = [];
    for (const argument of positionals) {
      if (values.version === undefined) {
        restored.push(await files.untrash((await trashedOne(files, argument)).file_id));
        continue;
      }
      const file = await mustFind(drive, argument);
      restored.push(await files.restore(file.file_id, await versionOf(files, file, values.version)));
    }
    out.result({ items: restored }, () => []);
  },
});
