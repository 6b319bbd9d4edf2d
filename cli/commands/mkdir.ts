import { type File, isCode } from "../../client/index.ts";
import { command, expectPositionals } from "../command.ts";
import { parseRemote, resolve, showRemote } from "../drive/paths.ts";
import { CliError, EXIT } from "../exit-codes.ts";

export default command({
  name: "mkdir",
  summary: "Make folders in the drive.",
  forms: ["[-p] drive:/FOLDER..."],
  options: {
    parents: { type: "boolean", short: "p", help: "make missing folders above as well; existing ones are fine" },
  },
  examples: [["edgedrive mkdir -p drive:/Docs/2026/Letters", "makes three folders, where they are missing"]],
  async run(context) {
    expectPositionals(context, 1, Infinity);
    const { values, positionals, out } = context;
    const drive = await context.drive();
    const { files } = drive;
    const made: File[] = [];
    for (const argument of positionals) {
      const { names } = parseRemote(argument);
      const from = values.parents ? 1 : Math.max(1, names.length);
      for (let depth = from; depth <= names.length; depth++) {
        const folder = names.slice(0, depth);
        const { parent, name, found } = await resolve(drive, { names: folder, folder: true });
        const isThere = (file: File | null): boolean => values.parents === true && file?.is_folder === true;
        if (isThere(found)) continue;
        if (found !== null || parent === null)
          throw new CliError(EXIT.refused, `${showRemote(folder)} exists already.`);
        const created = await files.create_folder(parent.file_id, name).catch(async (error: unknown) => {
          // Somebody else made it in the meantime.
          if (isCode(error, "name_taken") && isThere((await resolve(drive, { names: folder, folder: true })).found))
            return null;
          throw error;
        });
        if (created !== null) made.push(created);
      }
    }
    out.result({ items: made }, () => []);
  },
});
