// The reference page of the API (workers/api/routes/docs.ts): its policy lets no inline script run.
SwaggerUIBundle({ url: "/api/v1/openapi.json", dom_id: "#reference", deepLinking: true, defaultModelsExpandDepth: 0 });
