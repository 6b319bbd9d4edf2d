import { chooseBits } from "../core/blocks/classes.ts";
import type { File } from "../core/protocol/files.ts";
import { webRuntime } from "./runtime.ts";
import { keepState, StateMaker } from "./state-maker.ts";
import type { UploadTools } from "./upload-request.ts";

/**
 * The bytes of a whole download as they come; with the last one the state of the version is kept, so that an edit of it is
 * sent as what changed. A download that breaks off leaves the state that was there.
 */
export async function* keepingState(
  { states, runtime = webRuntime }: Pick<UploadTools, "states" | "runtime">,
  { file_id, version_id, size }: Pick<File, "file_id" | "version_id" | "size">,
  body: AsyncIterable<Uint8Array>,
): AsyncGenerator<Uint8Array> {
  const maker = new StateMaker(size, chooseBits(size, null), runtime.digest);
  for await (const piece of body) {
    await maker.add(piece);
    yield piece;
  }
  if (version_id !== null) await keepState(states, await maker.finish(file_id, version_id));
}
