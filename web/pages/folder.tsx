import { useInfiniteQuery, useQuery } from "@tanstack/react-query";
import { useNavigate } from "@tanstack/react-router";
import { useRef, useState, type ChangeEvent } from "react";
import type { SortDescriptor } from "react-aria-components";
import type { ContentsOrder, File } from "../../client/index.ts";
import { createFolder, moveToTrash } from "../data/actions.ts";
import { contentsQuery, fileQuery } from "../data/queries.ts";
import { uploadEntries, uploadFiles } from "../data/uploads.ts";
import { entriesOfChosen } from "../lib/tree-drop.ts";
import { useKeys } from "../lib/use-keys.ts";
import { moreOf } from "../lib/more-of.ts";
import { useSelection } from "../lib/use-selection.ts";
import { Breadcrumb } from "../parts/breadcrumb.tsx";
import { DropArea } from "../parts/drop-area.tsx";
import { ListState } from "../parts/empty.tsx";
import { FileMenu } from "../parts/file-menu.tsx";
import { FileTable } from "../parts/file-table.tsx";
import { FolderBar } from "../parts/folder-bar.tsx";
import { NameDialog } from "../parts/name-dialog.tsx";
import { useFileActs } from "../parts/use-file-dialogs.tsx";

const text = {
  list: "Files",
  modified: "Modified",
  emptyTitle: "Nothing here yet",
  emptyHint: "Drop files or whole folders anywhere on this page.",
  emptyShared: "This folder is empty.",
  newFolder: "New folder",
  create: "Create",
};

const BY_NAME: SortDescriptor = { column: "name", direction: "ascending" };
const modified = (file: File): string => file.modified_at ?? file.updated_at;
const orderOf = (sort: SortDescriptor): ContentsOrder => ({
  sort: sort.column as ContentsOrder["sort"],
  order: sort.direction === "ascending" ? "asc" : "desc",
});

export function FolderPage({ folder_id }: { folder_id: string }) {
  const [sort, setSort] = useState(BY_NAME);
  const [naming, setNaming] = useState(false);
  const query = useInfiniteQuery(contentsQuery(folder_id, orderOf(sort)));
  const folder = useQuery(fileQuery(folder_id)).data;
  const items = query.data?.pages.flatMap((page) => page.items) ?? [];
  const selection = useSelection(items);
  const acts = useFileActs(items);
  const navigate = useNavigate();
  const chooseFiles = useRef<HTMLInputElement>(null);
  const chooseFolder = useRef<HTMLInputElement>(null);
  const mayEdit = folder ? folder.permission === "edit" || folder.permission === "owner" : true;
  const one = selection.files.length === 1 ? selection.files[0] : undefined;
  const trash = () => {
    if (selection.files.length === 0) return;
    void moveToTrash(selection.files);
    selection.clear();
  };
  const up = () => folder?.parent_id && void navigate({ to: "/folders/$id", params: { id: folder.parent_id } });
  useKeys({
    Delete: trash,
    "Mod+Backspace": trash,
    Backspace: up,
    F2: () => one && acts.rename(one),
    "Mod+u": () => mayEdit && chooseFiles.current?.click(),
    "Alt+n": () => mayEdit && setNaming(true),
    "Alt+s": () => one && acts.share(one),
    "Mod+s": () => one && acts.download(one),
  });
  const chosen = (event: ChangeEvent<HTMLInputElement>, take: (list: globalThis.File[]) => void) => {
    take([...(event.target.files ?? [])]);
    // The same file may be chosen again, to resume or retry.
    event.target.value = "";
  };
  return (
    <DropArea folder_id={folder_id} disabled={!mayEdit}>
      <div className="page-head">
        <Breadcrumb folder_id={folder_id} />
        <FolderBar
          selection={selection}
          mayEdit={mayEdit}
          onUpload={() => chooseFiles.current?.click()}
          onUploadFolder={() => chooseFolder.current?.click()}
          onNewFolder={() => setNaming(true)}
          onTrash={trash}
          onDownload={one && (() => acts.download(one))}
          onShare={one?.permission === "owner" ? () => acts.share(one) : undefined}
        />
      </div>
      <FileTable
        label={text.list}
        items={items}
        when={{ label: text.modified, of: modified, column: "updated_at" }}
        selected={selection.keys}
        onSelect={selection.set}
        onOpen={acts.open}
        renderMenu={(file) => <FileMenu file={file} actions={acts.menu(file)} />}
        more={moreOf(query)}
        sort={{ by: sort, onChange: setSort }}
        empty={
          <ListState query={query}>
            {mayEdit ? (
              <>
                <strong>{text.emptyTitle}</strong>
                <p>{text.emptyHint}</p>
              </>
            ) : (
              <p>{text.emptyShared}</p>
            )}
          </ListState>
        }
      />
      <input
        ref={chooseFiles}
        type="file"
        multiple
        hidden
        onChange={(e) => chosen(e, (list) => uploadFiles(list, folder_id))}
      />
      <input
        ref={chooseFolder}
        type="file"
        {...{ webkitdirectory: "" }}
        hidden
        onChange={(e) => chosen(e, (list) => void uploadEntries(entriesOfChosen(list), folder_id))}
      />
      {naming && (
        <NameDialog
          title={text.newFolder}
          confirm={text.create}
          initial=""
          isFolder
          onSubmit={(name) => createFolder(folder_id, name)}
          onClose={() => setNaming(false)}
        />
      )}
      {acts.dialogs}
    </DropArea>
  );
}
