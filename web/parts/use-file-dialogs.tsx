import { useNavigate } from "@tanstack/react-router";
import { useState, type ReactNode } from "react";
import type { File } from "../../client/index.ts";
import { moveToTrash, rename } from "../data/actions.ts";
import { download } from "../lib/drive.ts";
import { plainWords } from "../../client/words/plain-words.ts";
import { toast } from "../ui/toasts.tsx";
import type { MenuAction } from "./file-menu.tsx";
import { NameDialog } from "./name-dialog.tsx";
import { PreviewDialog } from "./preview-dialog.tsx";
import { ShareDialog } from "./share-dialog.tsx";

const text = {
  open: "Open",
  look: "Preview",
  download: "Download",
  share: "Share…",
  rename: "Rename…",
  renameTitle: "Rename",
  trash: "Move to trash",
};

type Shown = { dialog: "preview" | "share" | "rename"; file: File } | null;

export interface FileActs {
  open: (file: File) => void;
  share: (file: File) => void;
  rename: (file: File) => void;
  download: (file: File) => void;
  menu: (file: File) => MenuAction[];
  dialogs: ReactNode;
}

const mayEdit = (file: File): boolean => file.permission === "edit" || file.permission === "owner";

/** What can be done with one file, wherever it is listed, and the dialogs for it. */
export function useFileActs(listed: readonly File[]): FileActs {
  const [shown, setShown] = useState<Shown>(null);
  const navigate = useNavigate();
  const close = () => setShown(null);
  const open = (file: File) => {
    if (file.is_folder) void navigate({ to: "/folders/$id", params: { id: file.file_id } });
    else setShown({ dialog: "preview", file });
  };
  const share = (file: File) => setShown({ dialog: "share", file });
  const startRename = (file: File) => mayEdit(file) && setShown({ dialog: "rename", file });
  const startDownload = (file: File) =>
    void download(file).catch((error: unknown) => toast({ message: plainWords(error), tone: "bad" }));
  const menu = (file: File): MenuAction[] => [
    { label: file.is_folder ? text.open : text.look, icon: "open", act: open },
    { label: text.download, icon: "download", act: startDownload },
    ...(file.permission === "owner" ? ([{ label: text.share, icon: "share", act: share }] as const) : []),
    ...(mayEdit(file)
      ? ([
          { label: text.rename, icon: "rename", act: startRename },
          { label: text.trash, icon: "trash", act: (one: File) => void moveToTrash([one]), danger: true },
        ] as const)
      : []),
  ];
  const dialogs = shown && (
    <>
      {shown.dialog === "preview" && (
        <PreviewDialog
          file={shown.file}
          among={listed}
          onShow={(file) => setShown({ dialog: "preview", file })}
          onClose={close}
        />
      )}
      {shown.dialog === "share" && <ShareDialog file={shown.file} onClose={close} />}
      {shown.dialog === "rename" && (
        <NameDialog
          title={text.renameTitle}
          confirm={text.renameTitle}
          initial={shown.file.name}
          isFolder={shown.file.is_folder}
          onSubmit={(name) => rename(shown.file, name)}
          onClose={close}
        />
      )}
    </>
  );
  return { open, share, rename: startRename, download: startDownload, menu, dialogs };
}
