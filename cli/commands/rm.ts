import { command, expectPositionals } from "../command.ts";
import { mustFind } from "../drive/paths.ts";
import { CliError, EXIT, usage } from "../exit-codes.ts";

export default command({
  name: "rm",
  summary: "Put files and folders of the drive into the trash.",
  forms: ["[-r] [--forever] drive:/PATH...", "--empty-trash"],
  options: {
    recursive: { type: "boolean", short: "r", help: "folders too, with all that is in them" },
    forever: { type: "boolean", help: "delete them for good: they cannot be brought back" },
    "empty-trash": { type: "boolean", help: "delete for good all that lies in the trash" },
  },
  examples: [
    ["edgedrive rm drive:/Docs/old.txt", "can be undone for 30 days: `edgedrive restore --trash old.txt`"],
    ["edgedrive rm -r drive:/Docs", "a folder with all that is in it"],
  ],
  async run(context) {
    const { values, positionals, out } = context;
    const emptying = values["empty-trash"] === true;
    expectPositionals(context, emptying ? 0 : 1, emptying ? 0 : Infinity);
    const drive = await context.drive();
    const { files, session } = drive;
    if (emptying) {
      await files.empty_trash();
      return out.result({ items: [] }, () => []);
    }
    const found = [];
    for (const argument of positionals) {
      const file = await mustFind(drive, argument);
      if (file.file_id === session.user?.root_folder_id) throw usage("The drive itself cannot be deleted.");
      if (file.is_folder && !values.recursive)
        throw new CliError(EXIT.refused, `${argument} is a folder: -r deletes it with all that is in it.`);
      found.push(file);
    }
    for (const { file_id } of found) {
      await files.trash(file_id);
      if (values.forever) await files.purge(file_id);
    }
    out.result({ items: found }, () => []);
  },
});
