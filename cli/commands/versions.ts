import { formatSize, formatWhen } from "../../client/words/format.ts";
import { command, expectPositionals } from "../command.ts";
import { allOf, mustFind } from "../drive/paths.ts";
import { table } from "../output/table.ts";

export default command({
  name: "versions",
  summary: "List the versions of a file.",
  forms: ["drive:/FILE"],
  options: {},
  examples: [["edgedrive versions drive:/Docs/a.txt", "the newest first; `edgedrive restore` brings one back"]],
  async run(context) {
    expectPositionals(context, 1, 1);
    const drive = await context.drive();
    const { files } = drive;
    const { file_id } = await mustFind(drive, context.positionals[0]!);
    const items = await allOf((cursor) => files.versions(file_id, { cursor }));
    context.out.result({ items }, () =>
      table(items, [
        { title: "NUMBER", right: true, of: ({ version_number }) => String(version_number) },
        { title: "SIZE", right: true, of: ({ size }) => formatSize(size) },
        { title: "MADE", of: ({ created_at }) => formatWhen(created_at) },
        { title: "", of: ({ is_current, change_description }) => change_description ?? (is_current ? "current" : "") },
      ]),
    );
  },
});
