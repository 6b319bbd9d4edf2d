/** Limits are a plan's numbers; the operator sets the default plan. Rates come from the seed. */
export interface Plan {
  /** API calls of a user. */
  calls_per_minute: number;
  /** Upload sessions of a user; a batch counts once. */
  uploads_per_hour: number;
  /** Bytes up and down of a user. */
  bytes_per_hour: number;
  /** What a personal drive can hold: current versions and trash. */
  storage_bytes: number;
}

const GB = 1e9;

export const PLANS = {
  trial: { calls_per_minute: 1_000, uploads_per_hour: 100, bytes_per_hour: 1 * GB, storage_bytes: 0.1 * GB },
  standard: { calls_per_minute: 1_000, uploads_per_hour: 100, bytes_per_hour: 10 * GB, storage_bytes: 15 * GB },
  generous: {
    calls_per_minute: 1e5,
    uploads_per_hour: 1e6,
    bytes_per_hour: 1e5 * GB,
    storage_bytes: 1e4 * GB,
  },
} as const satisfies Record<string, Plan>;

export type PlanName = keyof typeof PLANS;

export const PLAN_NAMES = Object.keys(PLANS) as [PlanName, ...PlanName[]];

/** The plan of a name that was stored; an unknown one gets the strictest, never none. */
export const planOf = (name: string): Plan => (name in PLANS ? PLANS[name as PlanName] : PLANS.trial);
