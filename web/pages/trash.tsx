import { useInfiniteQuery } from "@tanstack/react-query";
import { useState } from "react";
import type { File } from "../../client/index.ts";
import { deleteForEver, emptyTrash, restore } from "../data/actions.ts";
import { trashQuery } from "../data/queries.ts";
import { useKeys } from "../lib/use-keys.ts";
import { moreOf } from "../lib/more-of.ts";
import { useSelection } from "../lib/use-selection.ts";
import { ConfirmDialog } from "../parts/confirm-dialog.tsx";
import { ListState } from "../parts/empty.tsx";
import { FileMenu, type MenuAction } from "../parts/file-menu.tsx";
import { FileTable } from "../parts/file-table.tsx";
import { Button } from "../ui/button.tsx";
import { Icon } from "../ui/icons.tsx";

const text = {
  title: "Trash",
  trashed: "Deleted",
  kept: "What lies here can be restored for 30 days.",
  empty: "The trash is empty.",
  restore: "Restore",
  purge: "Delete for ever",
  emptyTrash: "Empty trash",
  confirmTitle: "Delete for ever?",
  confirmSome: (some: readonly File[]) =>
    `${some.length === 1 ? `“${some[0]?.name}”` : `${some.length} items`} cannot be brought back after this.`,
  confirmAll: "Nothing in the trash can be brought back after this.",
};

type Asked = { some: readonly File[] } | "all" | null;

export function TrashPage() {
  const query = useInfiniteQuery(trashQuery);
  const items = query.data?.pages.flatMap((page) => page.items) ?? [];
  const selection = useSelection(items);
  const [asked, setAsked] = useState<Asked>(null);
  const restoreSelected = () => {
    void restore(selection.files);
    selection.clear();
  };
  useKeys({ Delete: () => selection.files.length > 0 && setAsked({ some: selection.files }) });
  const actions: MenuAction[] = [
    { label: text.restore, icon: "restore", act: (file) => void restore([file]) },
    { label: text.purge, icon: "trash", danger: true, act: (file) => setAsked({ some: [file] }) },
  ];
  return (
    <div className="page">
      <div className="page-head">
        <h1>{text.title}</h1>
        <div className="bar">
          {selection.files.length > 0 ? (
            <>
              <Button onPress={restoreSelected}>
                <Icon name="restore" /> {text.restore}
              </Button>
              <Button look="danger" onPress={() => setAsked({ some: selection.files })}>
                {text.purge}
              </Button>
            </>
          ) : (
            <Button isDisabled={items.length === 0} onPress={() => setAsked("all")}>
              {text.emptyTrash}
            </Button>
          )}
        </div>
      </div>
      <p className="page-note">{text.kept}</p>
      <FileTable
        label={text.title}
        items={items}
        when={{ label: text.trashed, of: (file) => file.trashed_at, column: "trashed_at" }}
        selected={selection.keys}
        onSelect={selection.set}
        onOpen={() => undefined}
        renderMenu={(file) => <FileMenu file={file} actions={actions} />}
        more={moreOf(query)}
        empty={<ListState query={query}>{text.empty}</ListState>}
      />
      {asked && (
        <ConfirmDialog
          title={text.confirmTitle}
          message={asked === "all" ? text.confirmAll : text.confirmSome(asked.some)}
          confirm={asked === "all" ? text.emptyTrash : text.purge}
          act={() => (asked === "all" ? emptyTrash() : deleteForEver(asked.some))}
          onClose={() => setAsked(null)}
        />
      )}
    </div>
  );
}
