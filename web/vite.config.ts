import react from "@vitejs/plugin-react";
import { defineConfig } from "vite";

export default defineConfig(({ command }) => {
  // Vite keeps NODE_ENV where it is set: a build started by the test runner would have React's test code in it.
  if (command === "build") process.env["NODE_ENV"] = "production";
  return {
    root: import.meta.dirname,
    plugins: [react()],
    build: {
      outDir: "../dist/web",
      emptyOutDir: true,
      // One page, one script: what would be split off is needed at once.
      chunkSizeWarningLimit: 1000,
    },
  };
});
