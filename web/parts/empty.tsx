import type { ReactNode } from "react";
import { plainWords } from "../../client/words/plain-words.ts";
import { Button } from "../ui/button.tsx";

const text = { loading: "Loading…", again: "Try again" };

interface ListStateProps {
  query: { isPending: boolean; isError: boolean; error: unknown; refetch: () => unknown };
  children: ReactNode;
}

/** What stands in place of rows: still loading, a failure with a way out, or the words for an empty list. */
export function ListState({ query, children }: ListStateProps) {
  if (query.isPending) return <p className="empty quiet">{text.loading}</p>;
  if (query.isError)
    return (
      <div className="empty" role="alert">
        <p>{plainWords(query.error)}</p>
        <Button onPress={() => void query.refetch()}>{text.again}</Button>
      </div>
    );
  return <div className="empty">{children}</div>;
}
