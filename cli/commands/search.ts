import { FILE_TYPES, type FileType } from "../../core/protocol/search.ts";
import { command, expectPositionals } from "../command.ts";
import { mustFind, pathFinder } from "../drive/paths.ts";
import { usage } from "../exit-codes.ts";
import { fileTable } from "../output/files.ts";

const isType = (type: string): type is FileType => (FILE_TYPES as readonly string[]).includes(type);

export default command({
  name: "search",
  summary: "Find files by name and content.",
  forms: ["WORDS... [--type TYPE] [--in drive:/FOLDER] [--limit N]"],
  options: {
    type: { type: "string", value: "TYPE", help: FILE_TYPES.join(", ") },
    in: { type: "string", value: "FOLDER", help: "look in this folder, and below it" },
    limit: { type: "string", value: "N", help: "at most so many (25; 100 at most)" },
  },
  examples: [["edgedrive search annual report --type pdf", "the best match first"]],
  async run(context) {
    expectPositionals(context, 1, Infinity);
    const { values, positionals, out } = context;
    const { type } = values;
    if (type !== undefined && !isType(type)) throw usage(`--type is one of ${FILE_TYPES.join(", ")}.`);
    const limit = Number(values.limit ?? 25);
    if (!Number.isInteger(limit) || limit < 1 || limit > 100) throw usage("--limit is a number from 1 to 100.");
    const drive = await context.drive();
    const { files, search } = drive;
    const folder = values.in === undefined ? undefined : (await mustFind(drive, values.in)).file_id;
    const { items } = await search.find({ q: positionals.join(" "), limit, type, in: folder });
    const pathOf = pathFinder(files);
    const paths = new Map<string, string>();
    for (const { file } of items) paths.set(file.file_id, await pathOf(file));
    const hits = items.map((hit) => ({ ...hit, path: paths.get(hit.file.file_id) }));
    out.result({ items: hits }, () =>
      fileTable(
        items.map(({ file }) => file),
        ({ file_id, name }) => paths.get(file_id) ?? name,
      ),
    );
  },
});
