/** What a deployment needs to know of a Worker; read from its wrangler.toml. */
export type Deployable = {
  name: string;
  config: string;
  queues: string[];
  buckets: string[];
  databases: { name: string; binding: string }[];
};

/** One wrangler command. */
export type Step = {
  title: string;
  args: string[];
  /** The command creates something: that it exists already is fine. */
  creates?: true;
  /** Secrets that the new version of this Worker comes with; kept out of `args`, which are printed. */
  secrets?: Record<string, string>;
};

/**
 * Every command of a deployment, in an order that works on an empty account and on one in use:
 *
 * 1. Queues (dead-letter queues too), buckets and databases, by name. A binding to what does not exist is refused.
 * 2. Migrations, before the code that needs them takes traffic. They must suit the code that runs until then as well.
 * 3. Workers in the order given: a service binding or a foreign Durable Object wants its Worker to be there.
 *
 * @param secrets by Worker: what it still lacks
 */
export function deployPlan(workers: readonly Deployable[], secrets: Record<string, Record<string, string>>): Step[] {
  const queues = unique(workers.flatMap((worker) => worker.queues));
  const buckets = unique(workers.flatMap((worker) => worker.buckets));
  const databases = new Map(
    workers.flatMap(({ config, databases: own }) =>
      own.map(({ name, binding }) => [name, { binding, config }] as const),
    ),
  );
  return [
    ...queues.map((name) => creating(`Queue ${name}`, ["queues", "create", name])),
    ...buckets.map((name) => creating(`Bucket ${name}`, ["r2", "bucket", "create", name])),
    ...[...databases.keys()].map((name) => creating(`Database ${name}`, ["d1", "create", name])),
    ...[...databases].map(([name, { binding, config }]) => ({
      title: `Migrations of ${name}`,
      args: ["d1", "migrations", "apply", binding, "--remote", "-c", config],
    })),
    ...workers.map(({ name, config }) => ({
      title: `Worker ${name}`,
      args: ["deploy", "-c", config],
      ...(hasKeys(secrets[name]) ? { secrets: secrets[name] } : {}),
    })),
  ];
}

export type SecretNames = Record<string, readonly string[]>;

export class SecretUnknownError extends Error {
  override name = "SecretUnknownError";
}

/**
 * Which secrets each Worker still lacks, with values: the same one wherever a name is required, since the Workers check
 * each other's tokens with it.
 *
 * @param required names by Worker
 * @param present names by Worker that the account holds already; they stay as they are
 * @param known values that the operator gave or an earlier deployment noted down
 * @throws SecretUnknownError when a name is set in one Worker, missing in another, and its value is not known: a secret
 *   cannot be read back, and another value would split the Workers
 */
export function planSecrets(
  required: SecretNames,
  present: SecretNames,
  known: Record<string, string>,
  generate: (name: string) => string,
): { missing: Record<string, Record<string, string>>; generated: Record<string, string> } {
  const generated: Record<string, string> = {};
  const valueOf = (name: string): string => {
    if (known[name]) return known[name];
    const holder = Object.keys(required).find((worker) => present[worker]?.includes(name));
    if (holder) {
      throw new SecretUnknownError(
        `${name} is set in ${holder}, and another Worker needs the same value, which cannot be read back.\n` +
          `Give it in the environment: ${name}=... npm run deploy`,
      );
    }
    return (generated[name] ??= generate(name));
  };
  const missing = Object.entries(required).map(([worker, names]) => {
    const lacking = names.filter((name) => !present[worker]?.includes(name));
    return [worker, Object.fromEntries(lacking.map((name) => [name, valueOf(name)]))] as const;
  });
  return { missing: Object.fromEntries(missing), generated };
}

const creating = (title: string, args: string[]): Step => ({ title, args, creates: true });
const unique = (names: readonly string[]): string[] => [...new Set(names)];
const hasKeys = (record: Record<string, string> | undefined): record is Record<string, string> =>
  record !== undefined && Object.keys(record).length > 0;
