interface PagedQuery {
  hasNextPage: boolean;
  isFetchingNextPage: boolean;
  fetchNextPage: (options: { cancelRefetch: boolean }) => unknown;
}

export interface More {
  has: boolean;
  loading: boolean;
  load: () => void;
}

/** The next page of a list. Scrolling asks many times: what is under way is not begun anew. */
export const moreOf = (query: PagedQuery): More => ({
  has: query.hasNextPage,
  loading: query.isFetchingNextPage,
  load: () => void query.fetchNextPage({ cancelRefetch: false }),
});
