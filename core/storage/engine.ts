import type { KeyRing } from "../keys/ring.ts";
import type { Allowance } from "./allowance.ts";
import type { Codec, ObjectStore } from "./ports.ts";

/** What reading and writing contents stands on; one for each isolate. */
export interface Engine {
  objects: ObjectStore;
  keys: KeyRing;
  codec: Codec;
  /** What transfers may hold beyond their own. */
  spare: Allowance;
}
