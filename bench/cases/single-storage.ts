import { createHash, randomBytes } from "node:crypto";
import type { File } from "../../core/protocol/files.ts";
import type { UploadSession } from "../../core/protocol/uploads.ts";
import type { Case } from "../lib/case.ts";
import { Account, BASE } from "../lib/product.ts";
import { median } from "../lib/stats.ts";
import { milliseconds } from "../lib/table.ts";

const SIZE = 1000;
/** How far the medians may be apart: nobody shall learn by the time what others have. */
const BAR = 0.05;

/** What the owner has and the guest cannot read, and what nobody has. Both go into a folder that is shared with the guest. */
interface Pair {
  theirs: Buffer;
  fresh: Buffer;
}

type Door = (guest: Account, bytes: Buffer, name: string, parent_id: string) => Promise<unknown>;

const sha256 = (bytes: Buffer): string => createHash("sha256").update(bytes).digest("hex");

const start = (guest: Account, bytes: Buffer, name: string, parent_id: string): Promise<UploadSession> => {
  const json = { parent_id, name, size: bytes.length, content_hash: sha256(bytes) };
  return guest.http.json<UploadSession>("POST", `${BASE}/files/upload`, { json });
};

const DOORS: Record<string, Door> = {
  "start of a session with the hash": start,
  "one stream": (guest, bytes, name, parent_id) => guest.upload(name, bytes, parent_id),
  "a session with a chunk": async (guest, bytes, name, parent_id) => {
    const { upload_id } = await start(guest, bytes, name, parent_id);
    const chunk = sha256(bytes);
    await guest.http.ask("PUT", `${BASE}/chunks/${chunk}?upload_id=${upload_id}&index=0`, { body: bytes });
    await guest.http.ask("POST", `${BASE}/uploads/${upload_id}/complete`, { json: { chunks: [chunk] } });
  },
};

const verdict = (share: number): string => `${Math.abs(share) <= BAR ? "met" : "MISSED"}: ${BAR * 100}%`;

export const singleStorage: Case = {
  name: "single-storage",
  async run({ product, sizes: { pairs } }) {
    const guest = await Account.register(product.http.origin, "guest");
    const shared = await product.folder("single storage");
    const json = { email: "guest@example.com", permission: "edit" };
    await product.http.ask("POST", `${BASE}/files/${shared.file_id}/share`, { json });
    const apart = await product.folder("not shared");
    const rows: string[][] = [];
    for (const [what, door] of Object.entries(DOORS)) {
      const made: Pair[] = [];
      for (let i = 0; i < pairs; i++) {
        const theirs = randomBytes(SIZE);
        await product.upload(`${what} ${i}`, theirs, apart.file_id);
        made.push({ theirs, fresh: randomBytes(SIZE) });
      }
      await Promise.all([product.refresh(), guest.refresh()]);
      const { file_id } = await product.http.json<File>("POST", `${BASE}/folders`, {
        json: { name: what, parent_id: shared.file_id },
      });
      const times = { theirs: [] as number[], fresh: [] as number[] };
      for (const [i, pair] of made.entries()) {
        const order = i % 2 === 0 ? (["theirs", "fresh"] as const) : (["fresh", "theirs"] as const);
        for (const kind of order) {
          const begun = performance.now();
          await door(guest, pair[kind], `${kind} ${i}`, file_id);
          times[kind].push(performance.now() - begun);
        }
      }
      const [theirs, fresh] = [median(times.theirs), median(times.fresh)];
      const share = theirs / fresh - 1;
      rows.push([what, milliseconds(theirs), milliseconds(fresh), `${(share * 100).toFixed(1)}%`, verdict(share)]);
    }
    guest.http.close();
    return [
      {
        title: `Bytes of others beside new ones, medians of ${pairs} pairs (ms)`,
        header: ["door", "bytes of others", "new bytes", "apart", "bar"],
        rows,
      },
    ];
  },
};
