/** What goes to the sockets of a person's devices, and when. docs/spec/sync.md, W1, W6 and W7. */
import type { JournalRow } from "../files/model.ts";
import type { SocketMessage } from "../protocol/sync.ts";

/** Milliseconds behind a message in which what is committed waits for one more. */
export const TICK = 20;

/** Changes that ride along with a wake; beyond it the device reads the journal. */
const INLINE_MAX = 20;

/** Bytes to one device without a heartbeat from it. */
const UNHEARD_MAX = 1_048_576;

type Entry = Pick<JournalRow, "seq" | "file_id" | "op" | "device_id">;
type Message = Extract<SocketMessage, { type: "changes" }>;

interface Moved {
  seq: number;
  entries: readonly Entry[];
}

/** Drives that moved since the last message. */
export class Waiting {
  #drives = new Map<string, Moved>();

  /** @param entries none when it is only known that something happened */
  add(drive_id: string, seq: number, entries: readonly Entry[]): void {
    const { seq: before, entries: waiting } = this.#drives.get(drive_id) ?? { seq: 0, entries: [] };
    // One more than is told tells that there are too many.
    const kept = [...waiting, ...entries].slice(0, INLINE_MAX + 1);
    this.#drives.set(drive_id, { seq: Math.max(before, seq), entries: kept });
  }

  get isEmpty(): boolean {
    return this.#drives.size === 0;
  }

  /** One message for each drive, made for each device: who made all of it needs only the number. */
  take(): ((device_id: string) => string)[] {
    const drives = [...this.#drives];
    this.#drives = new Map();
    return drives.map(([drive_id, { seq, entries }]) => {
      const short: Message = { type: "changes", drive_id, seq };
      const changes = entries.map(({ seq: at, file_id, op }) => ({ seq: at, file_id, op }));
      const bare = JSON.stringify(short);
      const isTold = entries.length > 0 && entries.length <= INLINE_MAX;
      const full = isTold ? JSON.stringify({ ...short, changes } satisfies Message) : bare;
      return (device_id) => (entries.every((entry) => entry.device_id === device_id) ? bare : full);
    });
  }
}

interface Fed {
  heard_at: number;
  bytes: number;
  isHeld: boolean;
}

/**
 * The runtime does not tell what waits in a socket. A device that sends a heartbeat has taken what came before it: so
 * what was sent since then is what may wait.
 */
export class Feeder<Socket extends object> {
  readonly #fed = new WeakMap<Socket, Fed>();

  /**
   * What to send to a device, null for nothing: one that may have too much waiting is told once to catch up.
   * @param heard_at of its last heartbeat, milliseconds since the epoch
   */
  offer(socket: Socket, text: string, heard_at: number): string | null {
    const known = this.#fed.get(socket);
    const fed = known !== undefined && known.heard_at >= heard_at ? known : { heard_at, bytes: 0, isHeld: false };
    this.#fed.set(socket, fed);
    if (fed.isHeld) return null;
    fed.bytes += text.length;
    if (fed.bytes <= UNHEARD_MAX) return text;
    fed.isHeld = true;
    const { changes: _, ...message } = JSON.parse(text) as Message;
    return JSON.stringify({ ...message, catch_up: true } satisfies Message);
  }
}
