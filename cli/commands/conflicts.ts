import { existsSync } from "node:fs";
import { join } from "node:path";
import { formatWhen } from "../../client/words/format.ts";
import { command, expectPositionals } from "../command.ts";
import { folderAt, knownFolders } from "../folders/folder.ts";
import { table } from "../output/table.ts";

export default command({
  name: "conflicts",
  summary: "List copies that were made because both sides changed a file.",
  forms: ["[DIR]"],
  options: {},
  about: `Nothing was lost: the file that came first has its name, the other lies beside it. Compare them, keep what you need, and delete the copy:
then it is off this list.`,
  examples: [["edgedrive conflicts ~/Drive", "copies that are still there"]],
  async run(context) {
    expectPositionals(context, 0, 1);
    const [path] = context.positionals;
    const folders = path === undefined ? knownFolders() : [folderAt(path).folder];
    const items = folders.flatMap((folder) => {
      const root = folder.paired.read()?.path ?? "";
      const found = (folder.conflicts.read() ?? []).map(({ path, copy, at }) => ({
        path: join(root, path),
        copy: join(root, copy),
        at,
      }));
      return found.filter(({ copy }) => existsSync(copy));
    });
    context.out.result({ items }, () =>
      items.length === 0
        ? []
        : table(items, [
            { title: "SEEN", of: ({ at }) => formatWhen(at) },
            { title: "FILE", of: ({ path }) => path },
            { title: "COPY", of: ({ copy }) => copy },
          ]),
    );
  },
});
