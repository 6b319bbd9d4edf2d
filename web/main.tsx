import "./zod-without-eval.ts";
import { QueryClientProvider } from "@tanstack/react-query";
import { RouterProvider } from "@tanstack/react-router";
import { StrictMode } from "react";
import { createRoot } from "react-dom/client";
import { queryClient } from "./data/query-client.ts";
import { session } from "./lib/drive.ts";
import { router } from "./router.tsx";
import "./styles/index.css";

// Whoever signs in next must see nothing of whoever was here before.
session.onChange(() => {
  if (session.state === "signed_out") queryClient.clear();
  void router.invalidate();
});

const app = document.getElementById("app");
if (!app) throw new Error("index.html has no #app");
createRoot(app).render(
  <StrictMode>
    <QueryClientProvider client={queryClient}>
      <RouterProvider router={router} />
    </QueryClientProvider>
  </StrictMode>,
);
