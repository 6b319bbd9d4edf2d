/**
 * Space at its full size: what a file of 100 MB takes after 200 edits, of whose versions 30 are kept. Real blocks and
 * packs over stores in memory, with a clock of its own; `compact.test.ts` (C10) holds a small one to the same bar.
 *
 *   node test/model/space.ts
 */
import { randomInt } from "node:crypto";
import { EditedDrive, noise } from "../support/memory/edited-drive.ts";

const SIZE = 100e6;
const EDITS = 200;
const KEPT = 30;
const CLASS = 16;

const mb = (bytes: number): string => (bytes / 1e6).toFixed(1);

for (const change of [4096, 65_536]) {
  const world = new EditedDrive(500, CLASS);
  const bytes = noise(SIZE);
  let file = await world.file("file", bytes);
  for (let i = 0; i < EDITS; i++) {
    bytes.set(noise(change), randomInt(bytes.length - change));
    file = await world.edit(file, bytes);
    await world.keep(file.file_id, KEPT);
    if (i % 10 === 9) await world.days(1);
  }
  const before = world.storedBytes;
  await world.days(3, 31);
  if (Buffer.compare(await world.read(file.content_id as string), bytes) !== 0)
    throw new Error("the file is not whole");
  const [stored, needed] = [world.storedBytes, await world.neededBytes()];
  console.log(
    `${EDITS} edits of ${change} bytes: ${mb(before)} MB at the last edit; once the grace is over ` +
      `${mb(stored)} MB stored, ${mb(needed)} MB needed, ${(stored / needed).toFixed(3)} times`,
  );
}
