import { useInfiniteQuery } from "@tanstack/react-query";
import { sharedQuery } from "../data/queries.ts";
import { moreOf } from "../lib/more-of.ts";
import { useSelection } from "../lib/use-selection.ts";
import { ListState } from "../parts/empty.tsx";
import { FileMenu } from "../parts/file-menu.tsx";
import { FileTable } from "../parts/file-table.tsx";
import { useFileActs } from "../parts/use-file-dialogs.tsx";

const text = {
  title: "Shared with me",
  when: "Shared",
  by: (name: string) => `from ${name}`,
  empty: "Nothing has been shared with you yet.",
};

export function SharedPage() {
  const query = useInfiniteQuery(sharedQuery);
  const shared = new Map(query.data?.pages.flatMap((page) => page.items).map((item) => [item.file.file_id, item]));
  const items = [...shared.values()].map((item) => item.file);
  const selection = useSelection(items);
  const acts = useFileActs(items);
  return (
    <div className="page">
      <div className="page-head">
        <h1>{text.title}</h1>
      </div>
      <FileTable
        label={text.title}
        items={items}
        when={{ label: text.when, of: (file) => shared.get(file.file_id)?.shared_at ?? null, column: "shared_at" }}
        selected={selection.keys}
        onSelect={selection.set}
        onOpen={acts.open}
        renderMenu={(file) => <FileMenu file={file} actions={acts.menu(file).filter((action) => !action.danger)} />}
        more={moreOf(query)}
        renderNote={(file) => {
          const by = shared.get(file.file_id)?.shared_by;
          return by && text.by(by);
        }}
        empty={<ListState query={query}>{text.empty}</ListState>}
      />
      {acts.dialogs}
    </div>
  );
}
