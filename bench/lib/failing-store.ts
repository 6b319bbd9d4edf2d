/** A product whose primary bucket fails when it is told to: nothing of it is in what is deployed. */
import type { Alter } from "../../scripts/lib/runtime-options.ts";
import { API } from "../../scripts/lib/project.ts";

/** `POST` here lets the bucket fail (`?fails=true`) or work again, and answers with the calls that it got since. */
export const SWITCH = "/api/bench/primary";

const WRAPPER = `
import worker from "./index.js";
export * from "./index.js";

let fails = false;
let calls = 0;
const watch = (real) => new Proxy(real, {
  get(target, name) {
    const value = Reflect.get(target, name, target);
    if (typeof value !== "function") return value;
    if (name === "resumeMultipartUpload") return (...args) => watch(value.apply(target, args));
    return (...args) => {
      calls += 1;
      return fails ? Promise.reject(new Error(name + ": Service Unavailable")) : value.apply(target, args);
    };
  },
});
const known = new WeakMap();
const wrapped = (env) => {
  if (!known.has(env)) known.set(env, { ...env, BLOBS: watch(env.BLOBS) });
  return known.get(env);
};
export default {
  fetch(request, env, ctx) {
    const url = new URL(request.url);
    if (url.pathname !== "${SWITCH}") return worker.fetch(request, wrapped(env), ctx);
    const seen = calls;
    calls = 0;
    fails = url.searchParams.get("fails") === "true";
    return Response.json({ calls: seen });
  },
};
`;

export const failingStore: Alter = (worker) => {
  if (worker.name !== API.name) return worker;
  const { modules, modulesRoot } = worker as { modules: object[]; modulesRoot: string };
  const wrapper = { type: "ESModule", path: `${modulesRoot}/with-switch.js`, contents: WRAPPER };
  return { ...worker, modules: [wrapper, ...modules] } as typeof worker;
};
