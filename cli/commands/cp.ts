import { command, expectPositionals } from "../command.ts";
import { isRemote, mustFind, targetOf } from "../drive/paths.ts";
import { CliError, EXIT, usage } from "../exit-codes.ts";
import { bringDown, isDirectory } from "../transfer/down.ts";
import { Transfer } from "../transfer/transfer.ts";
import { sendUp } from "../transfer/up.ts";

export default command({
  name: "cp",
  summary: "Copy files to the drive, from it, or within it.",
  forms: ["[-r] FILE... drive:/FOLDER", "[-r] drive:/PATH... DIRECTORY", "[-r] drive:/PATH drive:/NEW"],
  options: { recursive: { type: "boolean", short: "r", help: "folders too, with all that is in them" } },
  about: `A file that is there already with the same size and time is left alone, so that an interrupted copy goes on where it
stopped when it is called again, in the middle of a large file as well. A file of the drive that is replaced gets a new version.`,
  examples: [
    ["edgedrive cp report.pdf drive:/Docs/", "uploads into a folder"],
    ["edgedrive cp -r photos drive:/", "uploads a folder with all that is in it"],
    ["edgedrive cp drive:/Docs/report.pdf .", "downloads into this directory"],
  ],
  async run(context) {
    expectPositionals(context, 2, Infinity);
    const { values, positionals, out } = context;
    const recursive = values.recursive === true;
    const sources = positionals.slice(0, -1);
    const destination = positionals.at(-1)!;
    const remote = sources.filter(isRemote).length;
    if (remote !== 0 && remote !== sources.length)
      throw usage("Copy from the drive or from this machine, not from both.");
    if (remote === 0 && !isRemote(destination))
      throw usage("Neither side is in the drive: its paths begin with `drive:`.");
    const drive = await context.drive();
    if (remote === 0) {
      const transfer = new Transfer(out, "Uploading");
      const target = await targetOf(drive, destination, sources.length > 1);
      await sendUp(drive, transfer, sources, { target, recursive });
      return transfer.end();
    }
    const found = [];
    for (const source of sources) found.push(await mustFind(drive, source));
    if (!isRemote(destination)) {
      const transfer = new Transfer(out, "Downloading");
      const into = await isDirectory(destination, sources.length > 1 || destination.endsWith("/"));
      await bringDown(drive, transfer, found, { destination, into, recursive });
      return transfer.end();
    }
    const { folder, name, holder } = await targetOf(drive, destination, sources.length > 1);
    if (holder !== null) throw new CliError(EXIT.refused, `${destination} exists already.`);
    const copies = [];
    for (const file of found) {
      if (file.is_folder && !recursive)
        throw new CliError(EXIT.refused, `${file.name} is a folder: -r copies it with all that is in it.`);
      copies.push(await drive.files.copy(file.file_id, { parent_id: folder.file_id, name: name ?? file.name }));
    }
    out.result({ items: copies }, () => []);
  },
});
