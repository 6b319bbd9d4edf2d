/** The document and what is served. That it is valid OpenAPI is for test/e2e/openapi.test.ts: the validator reads files. */
import { describe, expect, it } from "vitest";
import { createApp } from "../../workers/api/app.ts";
import { Api } from "../support/workerd/api.ts";

interface Operation {
  responses: Record<string, unknown>;
  security?: unknown[];
  tags?: string[];
  parameters?: { name: string; in: string }[];
}
interface Document {
  openapi: string;
  paths: Record<string, Record<string, Operation>>;
}

const api = new Api();
const { json: document } = await api.ask<Document>("GET", "openapi.json");

const operations = Object.entries(document.paths).flatMap(([path, methods]) =>
  Object.entries(methods).map(([method, operation]) => ({ name: `${method.toUpperCase()} ${path}`, path, operation })),
);

/** What the app answers, as the document would name it. Middleware is registered for all methods. */
const routes = createApp()
  .routes.filter(({ method, path }) => method !== "ALL" && path.startsWith("/api/v1/"))
  .map(({ method, path }) => `${method} ${path.slice("/api/v1".length).replaceAll(/:(\w+)/g, "{$1}")}`);

/** The document itself. */
const APART = new Set(["GET /openapi.json"]);

describe("the API document", () => {
  it("has every route that is served, and no other", () => {
    const served = new Set(routes.filter((route) => !APART.has(route)));
    const written = new Set(operations.map(({ name }) => name));
    expect(written.size).toBeGreaterThan(30);
    expect([...served].toSorted()).toEqual([...written].toSorted());
  });

  it("serves the same under /v1, as the seed's journeys say it", () => {
    const of = (base: string): string[] =>
      createApp()
        .routes.filter(({ path }) => path.startsWith(`${base}/`))
        .map(({ method, path }) => `${method} ${path.slice(base.length)}`)
        .toSorted();
    expect(of("/v1")).toEqual(of("/api/v1"));
  });

  it.each(operations.map(({ name, operation }) => [name, operation] as const))(
    "%s says what it answers, problems too, and has an area",
    (_name, operation) => {
      const statuses = Object.keys(operation.responses);
      expect(statuses).toContain("default");
      expect(statuses.some((s) => /^(1|2)/.test(s))).toBe(true);
      expect(operation.tags?.length).toBeGreaterThan(0);
    },
  );

  it("names every parameter of a path", () => {
    for (const { name, path, operation } of operations) {
      const wanted = [...path.matchAll(/\{(\w+)\}/g)].map((m) => m[1]);
      const said = (operation.parameters ?? []).filter((p) => p.in === "path").map((p) => p.name);
      expect(said.toSorted(), name).toEqual(wanted.toSorted());
    }
  });

  it("says which addresses need a sign-in: without one they answer 401, the others do not", async () => {
    const secured = operations.filter(({ operation }) => JSON.stringify(operation.security) === '[{"bearer":[]}]');
    expect(secured.length).toBeGreaterThan(20);
    for (const { name } of secured) {
      const [method, path] = name.split(" ") as [string, string];
      const url = path.slice(1).replaceAll(/\{\w+\}/g, "01a1f8b0-e7b7-838a-a64a-149e67e4a685");
      const body = ["POST", "PUT", "PATCH"].includes(method) ? "{}" : undefined;
      const answer = await api.ask(method, url, { body });
      expect([name, answer.status, answer.json.code]).toEqual([name, 401, "token_missing"]);
    }
  });

  it("has its reference page, which loads nothing from elsewhere", async () => {
    const page = await api.ask("GET", "/api/docs");
    const html = new TextDecoder().decode(page.bytes);
    expect(page.status).toBe(200);
    expect(page.headers.get("content-security-policy")).toContain("default-src 'none'");
    expect([...html.matchAll(/(?:src|href)="([^"]+)"/g)].every((m) => m[1]!.startsWith("/"))).toBe(true);
  });
});
