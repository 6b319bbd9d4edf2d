/**
 * The seed's simulation 3, over the product's own policy: packs are written and read for two years, day by day, and each
 * day's walk moves what is due; the second year is counted. `npm run simulate:tiers`; docs/spec/tiers.md.
 */
import { dayOf, MOVE_COST, noteDay, wantedTier } from "../../core/tiers/policy.ts";
import { TIERS, type Tier, type TieredPack, type TierPolicy } from "../../core/tiers/ports.ts";
import { GB, MONTH, READ, RETRIEVAL, ROW, STORAGE, WRITE } from "../../core/tiers/prices.ts";
import { table } from "../lib/table.ts";
import { DAY } from "../../core/time.ts";

const PACKS = 20_000;
const YEAR = 365;
/** Of a GB that comes back: what S3 Glacier Instant Retrieval takes, with the way out of it. Dollars. */
const ARCHIVE_RETRIEVAL = 0.03 + 0.09;
const ROWS_READ = 0.001e-6;

/** The same population in every run: mulberry32. */
function seeded(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}

interface Subject {
  pack: TieredPack;
  /** Chance of a read on a day, when it is new and for ever. */
  young: number;
  old: number;
}

/** Half of the packs are small files, a fifth are of 64 MiB; one in twenty is read for ever, the others are soon forgotten. */
function population(random: () => number): Subject[] {
  return Array.from({ length: PACKS }, (_, i) => {
    const kind = random();
    const size = kind < 0.5 ? 2e4 + 4e5 * random() : kind < 0.8 ? 1e6 + 7e6 * random() : 64 * 1024 ** 2;
    const created_at = Math.floor(random() * YEAR) * DAY;
    const isKept = random() < 0.05;
    const pack: TieredPack = {
      pack_id: String(i),
      state: "live",
      size: Math.round(size),
      created_at,
      tier: "standard",
      tiered_at: 0,
      read_day: 0,
      reads: 0,
    };
    return { pack, young: 0.3, old: isKept ? 0.2 : 0.002 * random() };
  });
}

/** What a day in a tier costs a GB; a restored pack lies in two. */
const perDay = (tier: Tier): number =>
  (tier === "restored" ? STORAGE.standard + STORAGE.archive : STORAGE[tier]) / MONTH;

interface Result {
  dollars: number;
  gb_months: number;
  moves: number;
  waited: number;
  bytes: Record<Tier, number>;
}

/** @param policy null leaves all where it was written */
function run(policy: TierPolicy | null): Result {
  const random = seeded(7);
  const subjects = population(random);
  const result: Result = {
    dollars: 0,
    gb_months: 0,
    moves: 0,
    waited: 0,
    bytes: { standard: 0, infrequent: 0, archive: 0, restored: 0 },
  };
  for (let day = 0; day < 2 * YEAR; day++) {
    const counts = day >= YEAR ? 1 : 0;
    const now = day * DAY;
    for (const { pack, young, old } of subjects) {
      if (pack.created_at > now) continue;
      const gb = pack.size / GB;
      const age = day - dayOf(pack.created_at);
      let cost = gb * perDay(pack.tier);
      if (random() < old + young * Math.exp(-age / 10)) {
        if (pack.tier === "archive") {
          cost += ARCHIVE_RETRIEVAL * gb + WRITE.standard + ROW;
          Object.assign(pack, { tier: "restored", tiered_at: now });
          result.waited += counts;
        }
        cost += pack.tier === "infrequent" ? RETRIEVAL * gb + READ.infrequent : READ.standard;
        if (policy !== null && pack.read_day !== day) cost += ROW;
        Object.assign(pack, noteDay(pack, day));
      }
      if (policy !== null) {
        cost += ROWS_READ;
        const to = wantedTier(pack, policy, now);
        if (to !== pack.tier) {
          cost += costOfMove(pack, to, gb);
          Object.assign(pack, { tier: to, tiered_at: now });
          result.moves += counts;
        }
      }
      result.dollars += cost * counts;
      result.gb_months += (gb / MONTH) * counts;
      if (day === 2 * YEAR - 1) result.bytes[pack.tier] += pack.size;
    }
  }
  return result;
}

function costOfMove({ tier }: TieredPack, to: Tier, gb: number): number {
  if (to === "infrequent") return MOVE_COST.toInfrequent();
  if (to === "standard") return MOVE_COST.toStandard(gb);
  // R2 keeps the object for a day; a copy that is there already costs a row.
  const day = gb * perDay(tier);
  return tier === "standard" || tier === "infrequent" ? MOVE_COST.toArchive(gb, tier) + day : ROW + day;
}

const POLICIES: readonly [string, TierPolicy | null][] = [
  ["Standard only", null],
  ["Infrequent Access after 30 days", { infrequent_days: 30, archive_days: 180, has_archive: false }],
  ["and an archive after 180", { infrequent_days: 30, archive_days: 180, has_archive: true }],
  ["and an archive after 90", { infrequent_days: 30, archive_days: 90, has_archive: true }],
];

const percent = (share: number): string => `${(100 * share).toFixed(1)}%`;

const results = POLICIES.map(([name, policy]) => ({ name, ...run(policy) }));
const [base] = results as [(typeof results)[number]];
const rate = ({ dollars, gb_months }: Result): number => dollars / gb_months;
const rows = results.map((result) => {
  const all = TIERS.reduce((sum, tier) => sum + result.bytes[tier], 0);
  return [
    result.name,
    (rate(result) * 1_000).toFixed(2),
    percent(1 - rate(result) / rate(base)),
    String(result.moves),
    String(result.waited),
    ...TIERS.map((tier) => percent(result.bytes[tier] / all)),
  ];
});
console.log(`${PACKS} packs, the second of two years: storage, reads, moves, rows\n`);
console.log(table(["policy", "$ a TB and month", "saved", "moves", "reads that waited", ...TIERS], rows));

/** The seed moves half of 200 PB; what it does not count is reading. */
const PB = 200e6;
const halves: readonly [string, number, number][] = [
  ["the seed: S3, half of it in Glacier", 0.023, 0.004],
  ["R2, half of it in Infrequent Access", STORAGE.standard, STORAGE.infrequent],
  ["R2, half of it in an archive at the seed's price", STORAGE.standard, STORAGE.archive],
];
const money = (dollars: number): string => `$${(dollars / 1e6).toFixed(2)}M`;
console.log("\n200 PB, half of it cold, storage alone, a month\n");
console.log(
  table(
    ["", "before", "after", "saved"],
    halves.map(([name, hot, cold]) => {
      const [before, after] = [PB * hot, (PB / 2) * (hot + cold)];
      return [name, money(before), money(after), percent(1 - after / before)];
    }),
  ),
);
