import { QueryClient } from "@tanstack/react-query";

/** The client retries by itself; lists are kept true by the journal, so nothing has to be read anew on a whim. */
export const queryClient = new QueryClient({
  defaultOptions: {
    queries: { retry: false, staleTime: Number.POSITIVE_INFINITY, refetchOnWindowFocus: false, networkMode: "always" },
    mutations: { retry: false, networkMode: "always" },
  },
});
