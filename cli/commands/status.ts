import { formatRate, formatTimeLeft, formatWhen } from "../../client/words/format.ts";
import { command, expectPositionals } from "../command.ts";
import { CliError, EXIT } from "../exit-codes.ts";
import type { Paired, Status } from "../folders/documents.ts";
import { type Folder, folderAt, knownFolders } from "../folders/folder.ts";

interface Shown extends Paired {
  running: boolean;
  paused: boolean;
  /** As it was told last; null when it was never synced. */
  status: Status | null;
}

async function shown(folder: Folder): Promise<Shown> {
  const status = folder.status.read();
  const paired = folder.paired.read()!;
  return { ...paired, running: await folder.isRunning(), paused: folder.wishes.read()?.paused ?? false, status };
}

function linesOf({ path, server, email, running, paused, status }: Shown): string[] {
  const lines = [`${path}  with ${email} at ${server}`];
  if (status === null) return [...lines, "  Never synced."];
  const since = `since ${formatWhen(status.since)}`;
  lines.push(running ? `  ${status.detail} (${since}, process ${status.pid})` : "  Not running.");
  if (paused && status.state !== "paused") lines.push("  Paused.");
  const { progress } = status;
  if (running && progress !== null) {
    const rate = status.rate === null ? "" : `, ${formatRate(status.rate)}`;
    const left = status.left_s === null ? "" : `, ${formatTimeLeft(status.left_s)} left`;
    const { up, down } = progress;
    lines.push(`  up ${up.done} of ${up.total}, down ${down.done} of ${down.total}${rate}${left}`);
  }
  if (status.blind !== null) lines.push(`  Changes on the disk are looked for every 30 s: ${status.blind}`);
  for (const { path, detail } of status.problems) lines.push(`  ${path || "/"}: ${detail}`);
  return lines;
}

export default command({
  name: "status",
  summary: "Show what goes on in synced folders.",
  forms: ["[DIR]"],
  options: {},
  examples: [
    ["edgedrive status", "all folders of this machine"],
    ["edgedrive status ~/Drive --json", "for a program"],
  ],
  async run(context) {
    expectPositionals(context, 0, 1);
    const [path] = context.positionals;
    const folders = path === undefined ? knownFolders() : [folderAt(path).folder];
    if (path !== undefined && folders[0]!.paired.read() === null)
      throw new CliError(EXIT.not_found, `${path} is not synced. \`edgedrive sync ${path}\` does it.`);
    const items = await Promise.all(folders.map(shown));
    context.out.result({ items }, () =>
      items.length === 0 ? ["No folder is synced here. `edgedrive sync DIR` does it."] : items.flatMap(linesOf),
    );
  },
});
