import "./styles/tokens.css";
import "./styles/base.css";
import "./styles/shell.css";
import "./styles/prices.css";
import "./styles/flow.css";
import "./styles/figures.css";
import { QueryClient, QueryClientProvider } from "@tanstack/react-query";
import { StrictMode } from "react";
import { createRoot } from "react-dom/client";
import { App } from "./App";
import { subscribe } from "./access/session";
import { pause, STAFF, worthwhile } from "./access/useAuthorised";
import { show, stored } from "./shell/theme";

show(stored());

const queries = new QueryClient({
  defaultOptions: {
    queries: {
      networkMode: "always",
      retry: worthwhile,
      retryDelay: pause,
      refetchOnWindowFocus: false,
    },
    // A browser that thinks itself offline may still reach a server near by.
    mutations: { networkMode: "always" },
  },
});

// What one person saw is gone when they are.
subscribe(() => queries.removeQueries({ queryKey: [STAFF] }));

const root = document.getElementById("root");
if (root) {
  createRoot(root).render(
    <StrictMode>
      <QueryClientProvider client={queries}>
        <App />
      </QueryClientProvider>
    </StrictMode>,
  );
}
