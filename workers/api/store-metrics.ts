/** What the isolates recorded of the object store, as Prometheus reads it. docs/spec/replica.md, RP13. */
import type { Recorded } from "../../platform/d1/directory/store-record.ts";

interface Metric {
  name: string;
  help: string;
  type: "counter" | "gauge";
  /** How what is recorded under a name begins, and the labels for what follows in it. */
  recorded: string;
  labels: string[];
  /** Recorded units in one of the metric's. */
  unit?: number;
}

const METRICS: readonly Metric[] = [
  {
    name: "edgedrive_breaker_transitions_total",
    help: "Transitions of the breakers of the object store, by the state they went to.",
    type: "counter",
    recorded: "moved",
    labels: ["guarded", "to"],
  },
  {
    name: "edgedrive_replica_fallbacks_total",
    help: "Calls that the replica answered in place of the primary.",
    type: "counter",
    recorded: "fell_back",
    labels: ["guarded"],
  },
  {
    name: "edgedrive_replica_copies_total",
    help: "Objects copied to the replica.",
    type: "counter",
    recorded: "copied",
    labels: [],
  },
  {
    name: "edgedrive_replica_heals_total",
    help: "Objects that landed in the replica alone and went back to the primary.",
    type: "counter",
    recorded: "healed",
    labels: [],
  },
  {
    name: "edgedrive_replica_lag_seconds",
    help: "Time from an object's upload to its copy, the longest of the last copies.",
    type: "gauge",
    recorded: "lag_ms",
    labels: [],
    unit: 1000,
  },
  {
    name: "edgedrive_replica_unhealed",
    help: "Objects that only the replica has and that wait for the primary.",
    type: "gauge",
    recorded: "unhealed",
    labels: [],
  },
  {
    name: "edgedrive_replica_missing",
    help: "Objects without a copy, as the last comparison found.",
    type: "gauge",
    recorded: "missing",
    labels: [],
  },
  {
    name: "edgedrive_replica_only",
    help: "Objects that only the replica has, as the last comparison found.",
    type: "gauge",
    recorded: "only_in_replica",
    labels: [],
  },
];

/** A metric of which nothing is recorded is not there. */
export function storeLines(recorded: readonly Recorded[]): string[] {
  return METRICS.flatMap(({ name, help, type, recorded: wanted, labels, unit = 1 }) => {
    const rows = recorded.filter((row) => row.name.split(":")[0] === wanted);
    if (rows.length === 0) return [];
    const lines = rows.map((row) => {
      const values = row.name.split(":").slice(1);
      const said = labels.map((label, i) => `${label}="${values[i]}"`).join(",");
      return `${name}${said === "" ? "" : `{${said}}`} ${row.value / unit}`;
    });
    return [`# HELP ${name} ${help}`, `# TYPE ${name} ${type}`, ...lines];
  });
}
