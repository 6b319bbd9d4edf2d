/** What a person's hub was told of the drives of others, while it was awake. docs/spec/sync.md, VD2. */

/** More than these are forgotten, and looked for anew. */
const DRIVES_MAX = 1000;

export class ToldDrives {
  readonly #drives = new Map<string, number>();
  #since: number;

  /** @param now milliseconds since the epoch */
  constructor(now: number) {
    this.#since = now;
  }

  /** Whether it is news: numbers of a drive only grow. */
  tell(drive_id: string, seq: number, now: number): boolean {
    if (seq <= (this.#drives.get(drive_id) ?? 0)) return false;
    if (this.#drives.size >= DRIVES_MAX) {
      this.#drives.clear();
      this.#since = now;
    }
    this.#drives.set(drive_id, seq);
    return true;
  }

  /** Newest numbers by drive; null for who looked before all of it was remembered. */
  behind(looked_at: number): Record<string, number> | null {
    return looked_at < this.#since ? null : Object.fromEntries(this.#drives);
  }
}
