/** Where a pack should lie: pure arithmetic over its row. docs/spec/tiers.md, TI4 to TI7. */
import type { Tier, TieredPack, TierPolicy } from "./ports.ts";
import { GB, MINIMUM_DAYS, MONTH, READ, RETRIEVAL, ROW, STORAGE, WRITE } from "./prices.ts";
import { DAY } from "../time.ts";

/** Days for which a restored pack stays, after it came or was read last. */
export const HOT_DAYS = 7;

/** Days that `reads` remembers. */
export const REMEMBERED = 30;

/** For how long R2 keeps the object of an archived pack, for reads under way: then it is dropped, and for a week again. */
export const WAIT = DAY;
const DROPPED_UNTIL = 8 * DAY;

export const isToDrop = ({ tier, tiered_at }: Pick<TieredPack, "tier" | "tiered_at">, now: number): boolean =>
  tier === "archive" && tiered_at + WAIT <= now && now < tiered_at + DROPPED_UNTIL;

export const dayOf = (at: number): number => Math.floor(at / DAY);

/** Whole days since a pack was written or read. */
export const unreadDays = (
  { read_day, created_at }: Pick<TieredPack, "read_day" | "created_at">,
  now: number,
): number => dayOf(now) - Math.max(read_day, dayOf(created_at));

/** On how many of the last 30 days a pack was read. */
export function recentReads({ reads, read_day }: Pick<TieredPack, "reads" | "read_day">, now: number): number {
  const age = dayOf(now) - read_day;
  if (age >= REMEMBERED) return 0;
  let count = 0;
  for (let bit = 0; bit < REMEMBERED - age; bit++) if ((reads & (1 << bit)) !== 0) count++;
  return count;
}

const BITS = 2 ** REMEMBERED;

/** A read on `day`: as the store's statement has it (TI1). */
export function noteDay(
  { reads, read_day }: Pick<TieredPack, "reads" | "read_day">,
  day: number,
): Pick<TieredPack, "reads" | "read_day"> {
  if (read_day >= day) return { reads, read_day };
  const age = day - read_day;
  return { reads: age >= REMEMBERED ? 1 : ((reads * 2 ** age) % BITS) + 1, read_day: day };
}

/** What moves cost, dollars: reading, writing and the row. */
export const MOVE_COST = {
  toInfrequent: (): number => READ.standard + WRITE.infrequent + ROW,
  toStandard: (gb: number): number => READ.infrequent + RETRIEVAL * gb + WRITE.standard + ROW,
  toArchive: (gb: number, from: "standard" | "infrequent"): number =>
    READ[from] + (from === "infrequent" ? RETRIEVAL * gb : 0) + WRITE.archive + ROW,
};

/** Had it moved when it was last read, the move would be paid by now: so a small pack waits longer (TI5). */
const isPaid = (gb: number, unread: number, from: number, to: number, cost: number): boolean =>
  ((from - to) * gb * unread) / MONTH >= cost;

/** Whether the last 30 days would have been cheaper in Standard, the way there included (TI6). */
function paysToReturn(pack: TieredPack, gb: number, now: number): boolean {
  const rest = Math.max(0, MINIMUM_DAYS - (now - pack.tiered_at) / DAY) / MONTH;
  const stay = recentReads(pack, now) * (RETRIEVAL * gb + READ.infrequent - READ.standard);
  return (
    stay > (STORAGE.standard - STORAGE.infrequent) * gb + STORAGE.infrequent * gb * rest + MOVE_COST.toStandard(gb)
  );
}

/** The tier in which a pack should be; its own when nothing is to be done. */
export function wantedTier(pack: TieredPack, policy: TierPolicy, now: number): Tier {
  const { tier, state, size } = pack;
  if (state !== "live") return tier;
  // R2's object is there for a while longer: who read it meanwhile keeps it.
  if (tier === "archive") return pack.read_day >= dayOf(pack.tiered_at) ? "restored" : tier;
  const gb = size / GB;
  const unread = unreadDays(pack, now);
  if (tier === "restored") {
    if (!policy.has_archive) return tier;
    return Math.min(unread, (now - pack.tiered_at) / DAY) >= HOT_DAYS ? "archive" : tier;
  }
  const archived = MOVE_COST.toArchive(gb, tier);
  if (policy.has_archive && unread >= policy.archive_days)
    if (isPaid(gb, unread, STORAGE[tier], STORAGE.archive, archived)) return "archive";
  if (tier === "infrequent") return paysToReturn(pack, gb, now) ? "standard" : tier;
  const isDue = unread >= policy.infrequent_days;
  return isDue && isPaid(gb, unread, STORAGE.standard, STORAGE.infrequent, MOVE_COST.toInfrequent())
    ? "infrequent"
    : tier;
}
