/** Which objects are kept twice, and which wait to be healed. docs/spec/replica.md, RP1 and RP11. */

/** Objects in the replica: each names one that the primary has not taken. */
export const UNHEALED = "unhealed/";

export const unhealedKey = (key: string): string => `${UNHEALED}${key}`;

/** Packs: two of one key are equal whenever they were written. */
export const isWrittenOnce = (key: string): boolean => /^\d+\//.test(key);

/** States of rounds and of compactions: written over and over, and made again when lost (G10, C9). */
export const isKeptOnce = (key: string): boolean => key.startsWith("garbage/") || key.startsWith("compaction/");
