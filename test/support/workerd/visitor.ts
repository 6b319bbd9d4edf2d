/** A visitor of public links: the real app over real bindings, with a count of what it asks of D1 and R2. */
import { createExecutionContext, waitOnExecutionContext } from "cloudflare:test";
import { env } from "cloudflare:workers";
import { createApp } from "../../../workers/public-links/app.ts";
import { createDeps, type Deps, type Env } from "../../../workers/public-links/deps.ts";
import { purgeFiles, purgeTokens } from "../../../workers/public-links/purge.ts";

export interface Counts {
  d1: number;
  r2: number;
}

/** Every call of a method of a binding counts one. */
function counted<T extends object>(target: T, count: () => void): T {
  return new Proxy(target, {
    get(object, name) {
      const value = Reflect.get(object, name) as unknown;
      if (typeof value !== "function") return value;
      return (...args: unknown[]) => {
        count();
        return (value as (...args: unknown[]) => unknown).apply(object, args);
      };
    },
  });
}

export class Visitor {
  readonly counts: Counts = { d1: 0, r2: 0 };
  readonly #deps: Deps;
  #ctx = createExecutionContext();
  #cookies = new Map<string, string>();
  /** Milliseconds by which this visitor's Worker is ahead of the real clock. */
  ahead = 0;

  constructor(overrides: Partial<Deps> = {}) {
    const bindings: Record<string, unknown> = { ...(env as object) };
    for (const name of ["DIRECTORY", ...String(bindings.SHARDS).split(",")])
      bindings[name] = counted(bindings[name] as D1Database, () => this.counts.d1++);
    bindings.BLOBS = counted(bindings.BLOBS as R2Bucket, () => this.counts.r2++);
    const waitUntil = (work: Promise<unknown>): void => this.#ctx.waitUntil(work);
    this.#deps = createDeps(
      bindings as unknown as Env,
      { waitUntil },
      { now: () => Date.now() + this.ahead, ...overrides },
    );
  }

  /** The answer with its body read, after all that the request left running is done. */
  async ask(
    path: string,
    init: RequestInit & { cookies?: boolean } = {},
  ): Promise<{ answer: Response; bytes: Uint8Array; text: string }> {
    const headers = new Headers(init.headers);
    if (init.cookies !== false && this.#cookies.size > 0)
      headers.set("cookie", [...this.#cookies].map((pair) => pair.join("=")).join("; "));
    const request = new Request(`https://drive.example${path}`, { redirect: "manual", ...init, headers });
    this.#ctx = createExecutionContext();
    const answer = await createApp(this.#deps).fetch(request);
    const bytes = new Uint8Array(await answer.arrayBuffer());
    await waitOnExecutionContext(this.#ctx);
    if (init.cookies !== false)
      for (const cookie of answer.headers.getSetCookie()) {
        const [name, value] = (cookie.split(";")[0] as string).split("=") as [string, string];
        this.#cookies.set(name, value);
      }
    return { answer, bytes, text: new TextDecoder().decode(bytes) };
  }

  /** Takes the first piece and goes away. */
  async leave(path: string): Promise<void> {
    this.#ctx = createExecutionContext();
    const answer = await createApp(this.#deps).fetch(new Request(`https://drive.example${path}`));
    const reader = (answer.body as ReadableStream<Uint8Array>).getReader();
    await reader.read();
    await reader.cancel();
    await waitOnExecutionContext(this.#ctx);
  }

  purge(...tokens: string[]): Promise<void> {
    return purgeTokens(this.#deps, { purge: async () => undefined }, tokens);
  }

  purgeFiles(...file_ids: string[]): Promise<void> {
    return purgeFiles(this.#deps, { purge: async () => undefined }, file_ids);
  }

  reset(): void {
    this.counts.d1 = 0;
    this.counts.r2 = 0;
  }
}
