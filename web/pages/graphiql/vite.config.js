import { defineConfig } from "vite";

export default defineConfig({
  base: "/graphiql/",
  // GraphiQL's editor starts its workers as modules; Vite's default format refuses them.
  worker: { format: "es" },
  build: {
    modulePreload: { polyfill: false },
    chunkSizeWarningLimit: 8000,
  },
});
