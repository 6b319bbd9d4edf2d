/** Where an operator's command goes: a deployed copy, or the one on this machine, which is started for it. */
import { inRoot } from "./project.ts";
import { localVars, UsageError } from "./cli.ts";
import { type Operator, operatorOf } from "./operator.ts";
import { startProduct } from "./start-product.ts";

/** @param options `url` with OPERATOR_TOKEN in the environment, or `data` */
export async function openPlace(
  options: { url?: string | undefined; data?: string | undefined },
  say: (message: string) => void,
): Promise<{ operator: Operator; stop: () => Promise<void> }> {
  if (options.url !== undefined) {
    const token = process.env.OPERATOR_TOKEN;
    if (!token) throw new UsageError("--url wants the operator's token in OPERATOR_TOKEN.");
    return { operator: operatorOf(options.url.replace(/\/$/, ""), token), stop: async () => {} };
  }
  const data = options.data ?? inRoot(".data");
  // No crons: nothing is swept or backed up while rows come back. Nobody new gets in either.
  const vars = { ...localVars(), REGISTRATION: "closed" };
  const product = await startProduct({ port: 0, data, vars, crons: false, say });
  return { operator: operatorOf(product.url, product.secrets.OPERATOR_TOKEN as string), stop: product.stop };
}
