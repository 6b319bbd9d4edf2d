import type { Hono } from "hono";
import type { App, AppEnv } from "../types.ts";

const PAGE = `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>Edgedrive API</title>
<link rel="stylesheet" href="/api-docs/swagger-ui.css">
</head>
<body>
<div id="reference"></div>
<script src="/api-docs/swagger-ui-bundle.js"></script>
<script src="/api-docs/start.js"></script>
</body>
</html>`;

export const INFO = {
  openapi: "3.1.0",
  info: {
    title: "Edgedrive",
    version: "1",
    description: "A drive for files at the edge. Errors are problem documents (RFC 9457) with a stable `code`.",
    license: { name: "Apache-2.0", identifier: "Apache-2.0" },
  },
  servers: [{ url: "/api/v1" }],
};

export function openapiRoute(api: App): void {
  api.openAPIRegistry.registerComponent("securitySchemes", "bearer", {
    type: "http",
    scheme: "bearer",
    bearerFormat: "JWT",
  });
  api.get("/openapi.json", (c) => c.json(api.getOpenAPI31Document(INFO)));
}

/** The reference page; its script is one of our own assets. */
export function docsRoutes(root: Hono<AppEnv>): void {
  root.get("/api/docs", (c) =>
    c.html(PAGE, 200, {
      "content-security-policy":
        "default-src 'none'; script-src 'self'; style-src 'self' 'unsafe-inline'; img-src 'self' data:; connect-src 'self'; font-src 'self'",
    }),
  );
}
