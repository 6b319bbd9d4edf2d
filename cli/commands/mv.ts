import type { File } from "../../client/index.ts";
import { command, expectPositionals } from "../command.ts";
import { mustFind, targetOf } from "../drive/paths.ts";
import { CliError, EXIT } from "../exit-codes.ts";

export default command({
  name: "mv",
  summary: "Rename or move files and folders within the drive.",
  forms: ["drive:/PATH drive:/NEW", "drive:/PATH... drive:/FOLDER"],
  options: {},
  examples: [
    ["edgedrive mv drive:/draft.txt drive:/final.txt", "renames"],
    ["edgedrive mv drive:/a.txt drive:/b.txt drive:/Docs", "moves two files into a folder"],
  ],
  async run(context) {
    expectPositionals(context, 2, Infinity);
    const { positionals, out } = context;
    const sources = positionals.slice(0, -1);
    const drive = await context.drive();
    const { files } = drive;
    const { folder, name, holder } = await targetOf(drive, positionals.at(-1)!, sources.length > 1);
    const moved: File[] = [];
    for (const argument of sources) {
      const file = await mustFind(drive, argument);
      if (holder !== null && holder.file_id !== file.file_id)
        throw new CliError(EXIT.refused, `${positionals.at(-1)} exists already.`);
      moved.push(await files.update(file.file_id, { parent_id: folder.file_id, name: name ?? file.name }));
    }
    out.result({ items: moved }, () => []);
  },
});
