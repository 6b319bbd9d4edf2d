/** Edits as what changed: docs/spec/delta.md. */
export { applyDelta, type DeltaFrame } from "./apply.ts";
export { encodeDelta, oldBytesMatcher, type ChangedBlock, type EncodedDelta, type Matcher } from "./encode.ts";
export { MAX_BLOCK_BYTES, MAX_BLOCKS, MAX_DELTA_RAW_BYTES } from "./payload.ts";
export { CODEC, memorySource, type ByteSource, type Codec, type Packer, type Unpack } from "./ports.ts";
export {
  type KeptRun,
  parseSignature,
  serialiseSignature,
  type Signature,
  signatureAfter,
  signatureMatcher,
  signatureOf,
} from "./signature.ts";
export { unpackWith } from "./unpack.ts";
export { applyZipDelta } from "./zip/apply.ts";
export { encodeZipDelta } from "./zip/encode.ts";
