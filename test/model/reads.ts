/** A download, as a route has it: rights, the row of the version, its bytes. */
import { DriveError } from "../../core/protocol/errors.ts";
import { requireRight } from "../../core/sharing/rights.ts";
import { readContent } from "../../core/storage/read.ts";
import type { Known, ReadBack } from "./attempt.ts";
import type { Step } from "./steps.ts";
import { TENANT, type World } from "./world.ts";

/** @param begun is told of it before the first byte; what comes is added */
export async function readVersion(
  world: World,
  version: Known["versions"][number],
  step: Extract<Step, { op: "read" }>,
  begun: (back: ReadBack) => void,
): Promise<null> {
  const { turns, drive, rights, root } = world;
  const { engine } = world.process;
  const principal = { kind: "user", user_id: root } as const;
  const options = { allowTrashed: true };
  await requireRight(turns.port("rights", rights), principal, version.file_id, "view", options);
  // The row of a version and its manifest are one query.
  const found = await turns.call("files.bytes", async () => {
    const { versions, contents } = drive.state;
    const row = [...versions.values()].find((v) => v.version_id === version.version_id);
    return row === undefined ? null : { row, manifest: contents.get(row.content_id)?.manifest };
  });
  if (found === null) throw new DriveError("not_found", "There is no such version.");
  const { size } = found.row;
  const offset = Math.floor((size * step.from) / 100);
  const length = Math.floor(((size - offset) * step.part) / 100);
  const back: ReadBack = { version_id: version.version_id, offset, length, pieces: [], ended: false };
  begun(back);
  if (length === 0) return null;
  for await (const piece of await readContent(engine, TENANT, found.manifest as string, offset, length)) {
    back.pieces.push(piece.slice());
    if (step.stop) return null;
  }
  back.ended = true;
  return null;
}
