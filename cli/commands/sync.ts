import { watchFile, unwatchFile } from "node:fs";
import { command, expectPositionals } from "../command.ts";
import { knownDrive } from "../drive/drive.ts";
import { CliError, EXIT, usage } from "../exit-codes.ts";
import { Board } from "../folders/board.ts";
import { folderAt } from "../folders/folder.ts";
import { keepInSync } from "../folders/keep-in-sync.ts";
import { forget, openFolder, pairWith } from "../folders/open-folder.ts";
import { serverWakes } from "../folders/server-wakes.ts";
import { Wakes } from "../folders/wakes.ts";
import { readSettings, settingsFile } from "../places/settings.ts";
import { watch } from "../watch/watch.ts";

const SETTINGS_MS = 1_000;

export default command({
  name: "sync",
  summary: "Keep a folder of this machine and your drive the same.",
  forms: [
    "DIR [--once] [--anew]",
    "DIR --pause | --resume | --confirm-deletes",
    "DIR [--exclude FOLDER]... [--include FOLDER]...",
  ],
  options: {
    once: { type: "boolean", help: "end when both sides are the same" },
    anew: { type: "boolean", help: "forget what was agreed: put both sides together, delete nothing" },
    "confirm-deletes": { type: "boolean", help: "let the deletions go on that it stopped at" },
    pause: { type: "boolean", help: "the process that syncs the folder rests, until --resume" },
    resume: { type: "boolean", help: "goes on" },
    exclude: {
      type: "string",
      multiple: true,
      value: "FOLDER",
      help: "a folder that is not kept here; stays in the drive",
    },
    include: { type: "string", multiple: true, value: "FOLDER", help: "with it, only such folders are kept here" },
  },
  about: `It runs until it is ended (Ctrl-C), and goes on where it stopped when it is started again. Both sides can change while it does not run.
\`.edgedriveignore\` in DIR (as .gitignore) says what is not synced. \`edgedrive config limit_up 2M\` leaves room on the line.`,
  examples: [
    ["edgedrive sync ~/Drive", "keeps ~/Drive and the drive the same from now on"],
    ["edgedrive sync ~/Drive --once --json", "one time, as lines of JSON"],
    ["edgedrive sync ~/Drive --exclude Photos/Raw", "this folder stays in the drive only; remembered"],
  ],
  async run(context) {
    expectPositionals(context, 1, 1);
    const { values, positionals, out } = context;
    const { folder, path } = folderAt(positionals[0]!);
    if (values.pause && values.resume) throw usage("--pause and --resume are two wishes: ask for one.");
    if (values.exclude || values.include)
      folder.wish({ exclude: (values.exclude ?? []).map(tidy), include: (values.include ?? []).map(tidy) });
    if (values.pause || values.resume) {
      if (folder.paired.read() === null) throw new CliError(EXIT.not_found, `${path} is not synced.`);
      folder.wish({ paused: values.pause === true });
      return out.result({ paused: values.pause === true }, () => [values.pause ? "Paused." : "It goes on."]);
    }
    if (await folder.isRunning()) {
      if (values["confirm-deletes"]) {
        const stop = folder.status.read()?.stop;
        if (stop?.why !== "mass_deletion") throw new CliError(EXIT.refused, "It did not stop at deletions.");
        folder.wish({ confirmed: stop.told_at });
        return out.result({ confirmed: true }, () => ["The deletions go on."]);
      }
      if (values.exclude || values.include)
        return out.result({ ...folder.wishes.read() }, () => ["It is followed from now on."]);
    }
    const once = values.once === true;
    const lock = await folder.lock();
    try {
      // Without a network as well: what changes meanwhile is sent when there is one.
      const drive = once ? await context.drive() : knownDrive(out);
      pairWith(folder, path, drive);
      if (values.anew) forget(folder);
      const board = new Board(folder, path, out);
      const wakes = new Wakes();
      const opened = openFolder(folder, path, drive, board);
      const stopped = new AbortController();
      context.onInterrupt(() => stopped.abort());
      const watching = once ? null : watch(path, (paths) => wakes.disk(paths));
      board.blind(watching?.blind ?? null);
      const endWakes = once ? () => undefined : serverWakes(drive, () => wakes.now());
      const limit = (): void => {
        const { limit_up, limit_down } = readSettings();
        drive.limits.up.rate = limit_up ?? null;
        drive.limits.down.rate = limit_down ?? null;
      };
      watchFile(settingsFile().path, { interval: SETTINGS_MS }, limit);
      try {
        return await keepInSync({
          folder,
          board,
          wakes,
          openEngine: opened.openEngine,
          once,
          confirmDeletes: values["confirm-deletes"] === true,
          stopped: stopped.signal,
        });
      } finally {
        unwatchFile(settingsFile().path, limit);
        endWakes();
        watching?.stop();
        board.close();
        await opened.close();
      }
    } finally {
      lock.release();
    }
  },
});

/** As paths are within the folder. */
const tidy = (path: string): string => path.normalize("NFC").replace(/^\.?\/+|\/+$/g, "");
