/** Two devices that keep a folder each the same, however they do it. */
export interface Pair {
  name: string;
  /** The folders, absolute paths; both are empty, and synced already. */
  folders: readonly [string, string];
  /** Bytes that the first device has sent since it was started, headers and protocol included. */
  sent(): Promise<number>;
}
