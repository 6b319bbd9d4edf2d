import { command, expectPositionals } from "../command.ts";
import { allOf, childrenOf, mustFind } from "../drive/paths.ts";
import { usage } from "../exit-codes.ts";
import { fileTable } from "../output/files.ts";

export default command({
  name: "ls",
  summary: "List a folder of the drive, the trash, or what others share with you.",
  forms: ["[drive:/FOLDER]", "--trash", "--shared"],
  options: {
    trash: { type: "boolean", help: "what was deleted in the last 30 days" },
    shared: { type: "boolean", help: "what others share with you" },
  },
  examples: [
    ["edgedrive ls drive:/", "lists the top of the drive"],
    ["edgedrive ls drive:/Docs --json", "as a document for a program"],
  ],
  async run(context) {
    expectPositionals(context, 0, 1);
    const { values, positionals, out } = context;
    if (values.trash && values.shared) throw usage("--trash and --shared are two lists: ask for one.");
    if ((values.trash || values.shared) && positionals.length > 0) throw usage("--trash and --shared take no path.");
    const drive = await context.drive();
    const { files, sharing } = drive;
    if (values.shared) {
      const items = await allOf((cursor) => sharing.with_me(cursor));
      return out.result({ items }, () => fileTable(items.map(({ file }) => file)));
    }
    if (values.trash) {
      const items = await allOf((cursor) => files.trashed({ cursor }));
      return out.result({ items }, () => fileTable(items));
    }
    const file = await mustFind(drive, positionals[0] ?? "drive:/");
    const items = file.is_folder ? await childrenOf(files, file.file_id) : [file];
    out.result({ items }, () => fileTable(items));
  },
});
