import { crc32 as native } from "node:zlib";
import type { Crc32 } from "../core/archive/ports.ts";

/** The runtime's own: a table in JavaScript would take an isolate's CPU time with a few gigabytes. */
export const crc32: Crc32 = (piece, crc) => native(piece, crc);
