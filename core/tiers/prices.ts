/** List prices in dollars (R2 and D1, November 2026); the archive's is the seed's cold tier. docs/spec/tiers.md, TI6. */
export const GB = 1e9;
/** Days of a month as storage is billed. */
export const MONTH = 30;

/** Of a GB for a month. */
export const STORAGE = { standard: 0.015, infrequent: 0.01, archive: 0.004 } as const;
/** Of a GB read from Infrequent Access. */
export const RETRIEVAL = 0.01;
/** Days for which Infrequent Access is paid at least. */
export const MINIMUM_DAYS = 30;
/** Of one write (class A) and one read (class B). */
export const WRITE = { standard: 4.5e-6, infrequent: 9e-6, archive: 5e-6 } as const;
export const READ = { standard: 0.36e-6, infrequent: 0.9e-6 } as const;
/** Of the row that each move writes. */
export const ROW = 1e-6;
