import { useInfiniteQuery } from "@tanstack/react-query";
import { searchQuery } from "../data/queries.ts";
import { snippetPieces } from "../lib/snippet.ts";
import { moreOf } from "../lib/more-of.ts";
import { useSelection } from "../lib/use-selection.ts";
import { ListState } from "../parts/empty.tsx";
import { FileMenu } from "../parts/file-menu.tsx";
import { FileTable } from "../parts/file-table.tsx";
import { useFileActs } from "../parts/use-file-dialogs.tsx";

const text = {
  title: (q: string) => `Results for “${q}”`,
  list: "Results",
  modified: "Modified",
  none: "Nothing found in names or contents.",
  fresh: "Contents of new files can be found a few seconds after their upload.",
};

export function SearchPage({ q }: { q: string }) {
  const query = useInfiniteQuery(searchQuery(q));
  const hits = new Map(query.data?.pages.flatMap((page) => page.items).map((hit) => [hit.file.file_id, hit]));
  const items = [...hits.values()].map((hit) => hit.file);
  const selection = useSelection(items);
  const acts = useFileActs(items);
  return (
    <div className="page">
      <div className="page-head">
        <h1>{text.title(q)}</h1>
      </div>
      <FileTable
        label={text.list}
        items={items}
        when={{ label: text.modified, of: (file) => file.modified_at ?? file.updated_at, column: "updated_at" }}
        selected={selection.keys}
        onSelect={selection.set}
        onOpen={acts.open}
        renderMenu={(file) => <FileMenu file={file} actions={acts.menu(file)} />}
        more={moreOf(query)}
        renderNote={(file) => <Snippet snippet={hits.get(file.file_id)?.snippet ?? null} />}
        empty={
          <ListState query={query}>
            <strong>{text.none}</strong>
            <p>{text.fresh}</p>
          </ListState>
        }
      />
      {acts.dialogs}
    </div>
  );
}

function Snippet({ snippet }: { snippet: string | null }) {
  if (!snippet) return null;
  return snippetPieces(snippet).map((piece, i) =>
    // Pieces never change places: a new search brings a new snippet.
    // oxlint-disable-next-line react/no-array-index-key
    piece.hit ? <mark key={i}>{piece.text}</mark> : <span key={i}>{piece.text}</span>,
  );
}
