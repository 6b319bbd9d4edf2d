import { join } from "node:path";
import { startFloor } from "../floor/start.ts";
import { randomPieces } from "../lib/bodies.ts";
import type { Report } from "../lib/case.ts";
import { CleanUp } from "../lib/clean-up.ts";
import { Http } from "../lib/http.ts";
import { startBenched, temporaryState } from "../lib/product.ts";
import type { Sizes } from "../lib/sizes.ts";
import { quantile, timed } from "../lib/stats.ts";
import { milliseconds, times } from "../lib/table.ts";
import { startEdgedrive } from "./edgedrive.ts";
import type { Pair } from "./pair.ts";
import { startSyncthing, syncthingVersion } from "./syncthing.ts";
import { largeEdit, largeFile, manySmall, smallEdits } from "./work.ts";

const MiB = 1024 * 1024;

interface Measured {
  small: number;
  edits: number[];
  large: number;
  edit: { sent: number; took: number };
}

async function play(pair: Pair, sizes: Sizes, scratch: string): Promise<Measured> {
  return {
    small: await manySmall(pair, sizes.synced_files, scratch),
    edits: await smallEdits(pair, sizes.synced_edits),
    large: await largeFile(pair, sizes.synced_large, scratch),
    edit: await largeEdit(pair, sizes.synced_large),
  };
}

/** Each with the machine to itself, and a place of its own that goes with it. */
async function alone<T>(cleanUp: CleanUp, work: (own: CleanUp, place: string) => Promise<T>): Promise<T> {
  const own = new CleanUp();
  cleanUp.defer(() => own.run());
  const place = temporaryState(own);
  try {
    return await work(own, place);
  } finally {
    await own.run();
  }
}

/** The bare Worker takes the same bytes in one request, and gives them back. */
const bareCopy = (cleanUp: CleanUp, size: number): Promise<number> =>
  alone(cleanUp, async (own) => {
    const http = new Http(await startFloor(own, 1));
    return timed(async () => {
      await http.send("PUT", "/object/large", size, randomPieces(size));
      await http.receive("/object/large");
    });
  });

/** One person's two devices on this machine, beside two Syncthing, where that is installed. */
export async function measureSync(cleanUp: CleanUp, sizes: Sizes): Promise<Report[]> {
  const ours = await alone(cleanUp, async (own, place) => {
    const product = await startBenched(own, { observability: false, data: join(place, "data") });
    return play(await startEdgedrive(own, place, product.url), sizes, place);
  });
  const version = syncthingVersion();
  const theirs =
    version === null
      ? null
      : await alone(cleanUp, async (own, place) => play(await startSyncthing(own, place), sizes, place));
  const bare = await bareCopy(cleanUp, sizes.synced_large);

  const row = (what: string, of: (measured: Measured) => number, bar: string, show = milliseconds): string[] => {
    const peer = theirs === null ? null : of(theirs);
    return [what, show(of(ours)), peer === null ? "-" : show(peer), peer === null ? "-" : times(of(ours) / peer), bar];
  };
  const large = `${sizes.synced_large / MiB} MiB`;
  return [
    {
      title: `Sync to another device (ms), beside Syncthing ${version ?? "(not installed)"}`,
      header: ["measure", "edgedrive", "Syncthing", "x Syncthing", "bar"],
      rows: [
        row(`${sizes.synced_files} files of 1 KB`, ({ small }) => small, "0.4 x Syncthing"),
        row("edit of 1 KB, from the write, p50", ({ edits }) => quantile(edits, 0.5), "150 ms"),
        row("edit of 1 KB, from the write, p99", ({ edits }) => quantile(edits, 0.99), "500 ms"),
        row(`file of ${large}`, (measured) => measured.large, `1.2 x bare (${milliseconds(bare)})`),
        [`the same, x bare`, times(ours.large / bare), theirs === null ? "-" : times(theirs.large / bare), "", "1.2"],
        row(`4 KB changed in it`, ({ edit }) => edit.took, ""),
        row(`4 KB changed in it, bytes sent`, ({ edit }) => edit.sent, "0.1 x Syncthing", String),
      ],
    },
  ];
}
