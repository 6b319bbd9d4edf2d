/** Bodies of our own clients: docs/spec/frames.md. */
export { decodeFrames } from "./decode.ts";
export { frameBlocks, type FrameBlock, type FrameContext } from "./blocks.ts";
export { encodeFrames, FrameEncoder } from "./encode.ts";
export {
  DEFAULT_LIMITS,
  FRAME_KIND,
  FRAMES_MEDIA_TYPE,
  type Frame,
  type FrameKind,
  type FrameLimits,
} from "./format.ts";
export { openFrame, type Opened, type OpenPorts } from "./open.ts";
export { changedBlocks, editFrames, wholeBlock, type BlockFrame, type BlockRef, type Changed } from "./edit.ts";
